"""The table: every small servicer, and how its calls end, which is the same over every protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from google.rpc import status_pb2

from tests.rpcfront.clients import Transport
from tests.rpcfront.servicers import endings, facts, metadata, shapes
from tests.rpcfront.servicers.metadata import INITIAL, LATE, TRAILING, Pair
from tests.rpcfront.servicers.service import STREAMING, UNARY
from tests.support.services import echo


def status(code: int, message: str) -> status_pb2.Status:
    return status_pb2.Status(code=code, message=message)


@dataclass(frozen=True)
class Ends:
    """How a call ends, its messages by their texts."""

    texts: tuple[str, ...] = ()
    status: status_pb2.Status = field(default_factory=status_pb2.Status)
    initial: tuple[Pair, ...] = ()
    trailing: tuple[Pair, ...] = ()


TEXT = "ü 😀 100%"


@dataclass(frozen=True)
class Row:
    """A servicer, what it is asked, and how the calls of its forms end."""

    servicer: type
    ends: Ends
    stream: Ends | None = None
    """How the streams end, where that is not the same."""
    text: str = TEXT
    code: int = 0
    metadata: tuple[Pair, ...] = ()
    forms: tuple[str, ...] = (*UNARY, *STREAMING)
    logs: bool = False
    """Whether each call writes one error to the log, with its traceback. Nothing else is ever logged."""
    differs: str = ""
    """How grpcio's own servers end some of these calls; where nothing is said, they end all of them so too."""
    unlike: Mapping[str, Ends] = field(default_factory=dict)
    """How the calls end over a face that cannot end them as the others do; the row says why."""

    def forms_over(self, forms: tuple[str, ...]) -> list[str]:
        """Those of `forms` that the row is about."""
        return [form for form in forms if form in self.forms and hasattr(self.servicer, form)]

    def expected(self, form: str, transport: Transport) -> Ends:
        """How a call ends."""
        if transport.face in self.unlike:
            return self.unlike[transport.face]
        ends = self.stream if self.stream is not None and form in STREAMING else self.ends
        if transport.protocol == "json" and form in STREAMING and (ends.texts or ends.initial):
            # HTTP has no place for trailing metadata once the head is out, and a line of JSON holds no more than a
            # message or the status.
            return replace(ends, trailing=())
        return ends


ECHO = Ends((TEXT,))
FAULT = Ends(status=status(13, "internal error"))
CANCELLED = status(1, "the call was cancelled by the server")
FAULT_AFTER_ONE = Ends((TEXT,), status(13, "internal error"))

ASKED: tuple[Pair, ...] = (("x-text", "a, b"), ("x-empty", ""), ("x-raw-bin", b"\xff\xfe"), ("x-raw-bin", b""))
REPEATED: tuple[Pair, ...] = (("x-twice", "a"), ("x-twice", "b"))
INSECURE = {"transport_security_type": [b"insecure"], "security_level": [b"TSI_SECURITY_NONE"]}

# What grpcio does, in short.
TELLS_ALL = "UNKNOWN, with the exception's text"
HAS_ONE_CLASS_EACH = "the asynchronous context lacks is_active, the other one done and cancelled"
TAKES_METADATA = "takes it, and fails when it is to be sent, or sends it"
WANTS_TRUE_COROUTINES = "takes a plain function for one that runs on a thread"

ENDINGS = (
    Row(endings.Echoes, ECHO, Ends((TEXT,) * 3)),
    Row(endings.Echoes, Ends(("",)), Ends(("",) * 3), text=""),
    Row(endings.AnswersNoMessages, Ends()),
    Row(endings.Aborts, Ends(status=status(5, TEXT)), code=5),
    Row(endings.Aborts, Ends(status=status(5, "")), code=5, text=""),
    Row(endings.Aborts, Ends(status=status(5, "a\r\nx-bad: b\n\0")), code=5, text="a\r\nx-bad: b\n\0"),
    Row(endings.AbortsInTheMiddle, Ends((TEXT,) * 2, status(15, TEXT)), code=15, forms=STREAMING),
    Row(endings.AbortsRichly, Ends(status=echo.rich_status()), Ends((TEXT,), echo.rich_status())),
    Row(endings.AbortsAndGoesOn, Ends(status=echo.rich_status()), differs="a plain stream goes on"),
    Row(endings.SetsACode, Ends(status=status(15, "half")), Ends((TEXT,) * 2, status(15, "half"))),
    Row(
        endings.SetsACodeAndRaises,
        Ends(status=status(5, "no such thing")),
        Ends((TEXT,), status(5, "no such thing")),
        logs=True,
        differs="the code, but the exception's text",
    ),
    Row(endings.IsNotImplemented, Ends(status=status(12, "Method not implemented!"))),
)
FAULTS = (
    Row(endings.Raises, FAULT, logs=True, differs=TELLS_ALL),
    Row(
        endings.RaisesInTheMiddle,
        Ends((TEXT,) * 2, FAULT.status),
        forms=STREAMING,
        logs=True,
        differs=TELLS_ALL,
    ),
    Row(endings.RaisesATimeout, FAULT, logs=True, differs=TELLS_ALL),
    Row(endings.RaisesAnRpcError, FAULT, logs=True, differs=TELLS_ALL),
    Row(endings.RaisesStopIteration, FAULT, logs=True, differs=TELLS_ALL),
    Row(
        endings.RaisesCancelledError, Ends(status=CANCELLED), Ends((TEXT,), CANCELLED), differs="UNKNOWN, or no answer"
    ),
    Row(endings.Exits, FAULT, FAULT_AFTER_ONE, logs=True, differs="no answer"),
    Row(endings.AbortsWithOk, FAULT, logs=True, differs="UNKNOWN, or no answer at all"),
    Row(endings.AnswersNothing, FAULT, FAULT_AFTER_ONE, logs=True, differs="UNKNOWN, or OK"),
    Row(endings.AnswersAnotherType, FAULT, FAULT_AFTER_ONE, logs=True, differs="the bytes of that type"),
    Row(facts.WritesInAUnaryCall, FAULT, forms=("Async",), logs=True, differs=TELLS_ALL),
)
METADATA = (
    Row(metadata.SendsMetadata, Ends((TEXT,), initial=INITIAL, trailing=TRAILING)),
    Row(metadata.SendsAioMetadata, Ends((TEXT,), initial=INITIAL, trailing=TRAILING)),
    Row(
        metadata.SendsMetadataAndAborts,
        Ends(status=status(10, "no"), initial=INITIAL, trailing=TRAILING),
        differs="now and then without the initial metadata, which the abort overtakes",
    ),
    Row(
        metadata.SendsMetadataAndRaises,
        Ends(status=FAULT.status, initial=INITIAL, trailing=TRAILING),
        logs=True,
        differs=TELLS_ALL,
    ),
    Row(
        metadata.AbortsWithTrailers,
        Ends(status=status(10, "no"), initial=INITIAL, trailing=TRAILING + LATE),
        differs="only what abort was given, which is asynchronous",
    ),
    Row(metadata.SetsTrailersInTheMiddle, Ends((TEXT,) * 2, trailing=TRAILING), forms=STREAMING),
    Row(metadata.SetsTrailersTwice, Ends((TEXT,), trailing=TRAILING)),
    Row(metadata.SendsInitialTwice, Ends(("ValueError",), initial=INITIAL), differs="a UsageError, if asynchronous"),
    Row(
        metadata.SendsInitialTooLate,
        Ends((TEXT, "ValueError")),
        forms=STREAMING,
        differs="a UsageError, if asynchronous",
    ),
    Row(
        metadata.SetsUnsendable,
        Ends(("\n".join(f"{pair}: refused" for pair in metadata.UNSENDABLE * 2),)),
        differs=TAKES_METADATA,
    ),
    Row(metadata.LetsUnsendableFail, FAULT, logs=True, differs=TAKES_METADATA),
    Row(
        metadata.TellsMetadata,
        Ends(("x-text='a, b'\nx-empty=''\nx-raw-bin=b'\\xff\\xfe'\nx-raw-bin=b''",)),
        metadata=ASKED,
    ),
    Row(
        metadata.TellsMetadata,
        Ends(("x-twice='a'\nx-twice='b'",)),
        metadata=REPEATED,
        # A WSGI environ has one entry for a header; of headers that it does not know, cheroot keeps the last.
        unlike={"wsgi": Ends(("x-twice='b'",))},
    ),
)
FACTS = (
    Row(facts.TellsTheTime, Ends(("none",)), differs="9.2e18, if synchronous"),
    Row(
        facts.TellsTheIdentity,
        Ends(("None None {}",)),
        # The listener and grpcio know of their connections; other servers do not say.
        unlike={
            "grpc": Ends((f"None None {INSECURE}",)),
            "listener": Ends(("None None {'transport_security_type': [b'insecure']}",)),
        },
    ),
    Row(facts.TellsTheState, Ends(("active: True, done: False, cancelled: False",)), differs=HAS_ONE_CLASS_EACH),
    Row(
        facts.ReadsBack,
        Ends(
            (r"NOT_FOUND gone [('x-a', 'b'), ('x-c-bin', b'\xff')]",),
            trailing=(("x-a", "b"), ("x-c-bin", b"\xff")),
        ),
        differs="the details as bytes, if synchronous",
    ),
    Row(facts.AsksForCompression, ECHO),
)
SHAPES = (
    Row(shapes.Decorated, ECHO, differs=WANTS_TRUE_COROUTINES),
    Row(shapes.Partials, ECHO),
    Row(shapes.Callables, ECHO, differs=WANTS_TRUE_COROUTINES),
    Row(shapes.Statics, ECHO),
    Row(shapes.Iterators, ECHO, differs=WANTS_TRUE_COROUTINES),
)
ROWS = (*ENDINGS, *FAULTS, *METADATA, *FACTS, *SHAPES)
SERVICERS = tuple(dict.fromkeys(row.servicer for row in ROWS))

"""The table of sonora's defects: for each a request, and what must be true of its answer."""

import ast
import base64
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.rpc import status_pb2

from tests.rpcfront.bare_sonora import App, Input, call, rich_status
from tests.rpcfront.cases.grpc_web import B64
from tests.rpcfront.cases.grpc_web_call import frame, message
from tests.rpcfront.cases.grpc_web_reply import TEXT, read, unpadded
from tests.support.clients.http import Reply
from tests.support.services.fixture_protos import message_class

Holds = Callable[[Reply], bool]


@dataclass(frozen=True)
class Check:
    """One request over gRPC-Web. `name` says what sonora does not do."""

    name: str
    holds: Holds
    body: bytes = frame(b"")
    method: str = "Get"
    headers: Mapping[str, str] = field(default_factory=dict)
    environ: Mapping[str, Any] = field(default_factory=dict)

    def passes(self, app: App) -> bool:
        """The verdict on an application. An answer that is not well-formed is none."""
        reply = call(app, self.body, method=self.method, headers=self.headers, **self.environ)
        try:
            return self.holds(reply)
        except AssertionError:
            return False


def echoed(**fields: Any) -> Holds:
    """The request came back."""

    def holds(reply: Reply) -> bool:
        answer = read(reply)
        return answer.code == 0 and answer.messages == [message(**fields)]

    return holds


def ended(code: int, text: str | None = None, **trailers: str) -> Holds:
    """The call ended so, without a message."""

    def holds(reply: Reply) -> bool:
        answer = read(reply)
        sent = {name.replace("_", "-"): value for name, value in trailers.items()}
        told = text is None or answer.text == text
        return (answer.code, answer.messages) == (code, []) and told and sent.items() <= dict(answer.trailers).items()

    return holds


def said(fits: Callable[[Any], object]) -> Holds:
    """The servicer answered what it had from its context."""

    def holds(reply: Reply) -> bool:
        messages = read(reply).messages
        assert len(messages) == 1
        answer: Any = message_class("t.v1.Req").FromString(messages[0])
        return bool(fits(ast.literal_eval(answer.name)))

    return holds


def asks(name: str) -> bytes:
    """A request for one of the servicer's behaviours."""
    return frame(message(name=name))


def _typed(content_type: str) -> dict[str, str]:
    return {"CONTENT_TYPE": content_type}


def _is_rich(reply: Reply) -> bool:
    details = unpadded(dict(read(reply).trailers).get("grpc-status-details-bin", ""))
    return bool(status_pb2.Status.FromString(details) == rich_status())


def _is_text(reply: Reply) -> bool:
    return read(reply).content_type == TEXT


HI = message(id="hiya")  # its frame in base64 has padding
TEXT_HI = B64(frame(HI))
INTERNAL = ended(13, "internal error")

HEADS = [
    Check("a content type in capitals", echoed(id="hiya"), TEXT_HI, environ=_typed("Application/Grpc-Web-Text")),
    Check(
        "a content type with parameters", echoed(id="hiya"), TEXT_HI, environ=_typed("application/grpc-web-text;a=b")
    ),
    Check("the content type in full", echoed(id="hiya"), TEXT_HI, environ=_typed("application/grpc-web-text+proto")),
    Check("another content type is refused", lambda reply: reply.status == 415, environ=_typed("image/jpeg")),
    Check("the answer's type is one of gRPC-Web's", echoed(), headers={"accept": "*/*"}),
    Check("the answer's type is written in full", _is_text, headers={"accept": "application/grpc-web-text"}),
    Check("text is accepted by its full name", _is_text, headers={"accept": "application/grpc-web-text+proto"}),
    Check(
        "a deadline is seen",
        said(lambda seconds: seconds is not None and 5 < seconds <= 10),
        asks("remaining"),
        headers={"grpc-timeout": "10S"},
    ),
    Check("a deadline that is none is refused", ended(3), headers={"grpc-timeout": "bad"}),
    Check("a call past its deadline ends", ended(4), asks("sleep"), headers={"grpc-timeout": "50m"}),
    Check(
        "bytes in metadata may lack their padding",
        said(lambda pairs: ("x-a-bin", b"\xff\x00") in pairs),
        asks("metadata"),
        headers={"x-a-bin": "/wA"},
    ),
    Check(
        "bytes in metadata may be a list",
        said(lambda pairs: pairs == [("x-a-bin", b"\x01"), ("x-a-bin", b"\x02")]),
        asks("metadata"),
        headers={"x-a-bin": "AQ==,Ag=="},
    ),
    Check("bytes in metadata that are none are refused", ended(3), headers={"x-a-bin": "!!!!"}),
    Check(
        "metadata holds nothing of HTTP's own",
        said(lambda pairs: pairs == [("x-a", "1")]),
        asks("metadata"),
        headers={"x-a": "1", "accept": "application/grpc-web+proto"},
    ),
    Check("a method that nobody has is told so", ended(12), method="Nope"),
    Check(
        "GET is not allowed",
        lambda reply: reply.status == 405 and reply.header("allow") == "OPTIONS, POST",
        environ={"REQUEST_METHOD": "GET"},
    ),
]

BODIES = [
    Check("no message", ended(12), b""),
    Check("a second message", ended(12), frame(HI) * 2),
    Check("bytes behind the message", ended(13), frame(HI) + b"xx"),
    Check("a message cut short", ended(13), frame(HI)[:-1]),
    Check("a trailer frame", ended(13), frame(HI, 0x80)),
    Check("a reserved flag", ended(13), frame(HI, 2)),
    Check("a flag without an encoding", ended(13), frame(HI, 1)),
    Check("a message in gzip", echoed(id="hiya"), frame(gzip.compress(HI), 1), headers={"grpc-encoding": "gzip"}),
    Check("a message that does not parse", ended(3), frame(b"\xff")),
    Check("no base64", ended(13), b"!!" + TEXT_HI + b"!!", environ=_typed("application/grpc-web-text")),
    Check(
        "base64 in two chunks",
        echoed(id="hiya"),
        base64.b64encode(frame(HI)[:5]) + base64.b64encode(frame(HI)[5:]),
        environ=_typed("application/grpc-web-text"),
    ),
    Check(
        "base64 without padding", echoed(id="hiya"), TEXT_HI.rstrip(b"="), environ=_typed("application/grpc-web-text")
    ),
    Check(
        "a body of undeclared length",
        echoed(id="hiya"),
        frame(HI),
        environ={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    ),
    Check(
        "a chunked body that the server has decoded",
        echoed(id="hiya"),
        frame(HI),
        headers={"transfer-encoding": "chunked"},
        environ={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    ),
]

SERVICERS = [
    Check("abort with metadata", ended(10, "no", x_why="so"), asks("abort with metadata")),
    Check("abort with OK", INTERNAL, asks("abort with OK")),
    Check("abort_with_status ends with its code", ended(9, "not yet"), asks("abort with status")),
    Check("abort_with_status ends with its details", _is_rich, asks("abort with status")),
    Check("an RpcError that escapes", INTERNAL, asks("no status")),
    Check("another error that escapes", INTERNAL, asks("fault")),
    Check("None for an answer", INTERNAL, asks("nothing")),
    Check("an empty Struct for an answer", lambda reply: read(reply).messages == [b""], method="Md"),
    Check("a fault in mid-stream", lambda reply: read(reply).code == 13, asks("fault"), method="Stream"),
    Check("an abort's text keeps its spaces", ended(5, "not here", grpc_message="not here"), asks("abort")),
    Check("a trailer that would break out of its line", INTERNAL, asks("trailer that breaks out")),
    Check("a trailer outside ASCII", INTERNAL, asks("trailer outside ASCII")),
    Check(
        "bytes in a trailer have no padding",
        lambda reply: ("x-a-bin", "/wA") in read(reply).trailers,
        asks("trailer of bytes"),
    ),
    Check("peer()", said(lambda peer: peer == "ipv4:127.0.0.1:5"), asks("peer")),
    Check("is_active()", said(lambda active: active is True), asks("is_active")),
    Check("cancel()", ended(1), asks("cancel")),
    Check("add_callback()", said(lambda added: added is True), asks("add_callback")),
    Check("trailing_metadata()", said(lambda pairs: list(pairs) == []), asks("trailing_metadata")),
    Check("code()", said(lambda code: code == "OK"), asks("code")),
    Check("details()", said(lambda details: details == ""), asks("details")),
]


def _grants(reply: Reply) -> set[str]:
    return {value for name, value in reply.headers if name.startswith("access-control-")}


PAGES = [
    Check(
        "no page is granted the server's own name", lambda reply: not _grants(reply), headers={"origin": "https://a"}
    ),
    Check(
        "a preflight grants nothing that nobody configured",
        lambda reply: not _grants(reply),
        headers={"origin": "https://a", "access-control-request-method": "POST"},
        environ={"REQUEST_METHOD": "OPTIONS"},
    ),
]


def reads_no_more_than_it_takes(app: App) -> bool:
    """Whether a body of ten gigabytes is refused unread."""
    source = Input(frame(b""))
    reply = call(app, b"", source=source, CONTENT_LENGTH=str(10**10))
    try:
        return read(reply).code == 8 and source.most_asked_for <= 2**20 + 5
    except AssertionError:
        return False

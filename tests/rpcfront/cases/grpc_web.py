"""The table of gRPC-Web. The names in brackets are those of the worked examples."""

import base64
import gzip
from typing import Any

from google.rpc import status_pb2

from tests.rpcfront.cases.grpc_web_call import Call, frame, message
from tests.rpcfront.cases.grpc_web_reply import BINARY, TEXT
from tests.support.services.fixture_service import UNKNOWN_DETAIL

RICH = status_pb2.Status(code=8, message="message 8", details=[UNKNOWN_DETAIL]).SerializeToString()
HI = message(id="hiya")  # its frame in base64 has padding
SAYS_HI = ({"id": "hiya"},)
GZIP = (("grpc-encoding", "gzip"),)
B64 = base64.b64encode
TELL = "/t.more.More/Tell"
EMPTY = "google.protobuf.Struct"


def _text(name: str, body: bytes, code: int = 0, **options: Any) -> Call:
    answers = SAYS_HI if code == 0 else ()
    return Call(name, "Get", body, code, answers, "application/grpc-web-text", answer_type=TEXT, **options)


TYPES = [
    Call(f"{content_type} and {accept}", "Get", body, 0, SAYS_HI, content_type, accept=accept, answer_type=answer_type)
    for body, content_type, accept, answer_type in [
        (frame(HI), "application/grpc-web", None, BINARY),
        (frame(HI), "application/grpc-web+proto", "*/*", BINARY),
        (frame(HI), "Application/Grpc-Web+Proto", "application/grpc-web+proto", BINARY),  # gw017
        (frame(HI), "application/grpc-web+proto;charset=utf-8", "", BINARY),
        (frame(HI), "application/grpc-web+proto", "application/grpc-web-text", TEXT),  # gw008
        (frame(HI), "application/grpc-web+proto", "APPLICATION/GRPC-WEB-TEXT+PROTO;q=0.9", TEXT),
        (frame(HI), "application/grpc-web", "text/html, */*", BINARY),
        (frame(HI), "application/grpc-web", "text/html, application/grpc-web-text, */*", TEXT),
        (frame(HI), "application/grpc-web", "application/grpc-web-text;q=0, application/grpc-web+proto", BINARY),
        (frame(HI), "application/grpc-web", "application/grpc-web-text; Q=0.000 ;a=b", BINARY),
        (frame(HI), "application/grpc-web", "application/grpc-web-text;q=0.001", TEXT),
        (B64(frame(HI)), "application/grpc-web-text", None, TEXT),
        (B64(frame(HI)), "application/grpc-web-text+proto", "*/*", TEXT),
        (B64(frame(HI)), "APPLICATION/GRPC-WEB-TEXT", "application/json", TEXT),
        (B64(frame(HI)), "application/grpc-web-text ; charset=utf-8", "application/grpc-web+proto", BINARY),
    ]
]

FRAMES = [
    Call("an empty message", "Get", frame(b""), 0, ({},)),
    Call("no message (gw019)", "Get", b"", 12),
    Call("two messages (gw047)", "Get", frame(HI) + frame(HI), 12),
    Call("three messages", "Get", frame(b"") * 3, 12),
    Call("two messages for a stream (gw049)", "Stream", frame(b"") * 2, 12),
    Call("no message for a stream", "Stream", b"", 12),
    Call("bytes behind the message (gw021)", "Get", frame(HI) + b"xx", 13),
    Call("a message cut short (gw022)", "Get", frame(HI)[:-1], 13),
    Call("a prefix cut short", "Get", frame(HI)[:4], 13),
    Call("a second message cut short", "Get", frame(HI) + frame(HI)[:-1], 13),
    Call("a length that nobody could hold (gw023)", "Get", b"\x00\xff\xff\xff\xff" + HI, 8),
    Call("a trailer frame", "Get", frame(b"a: b\r\n", 0x80), 13),
    Call("a trailer frame behind the message", "Get", frame(HI) + frame(b"", 0x80), 13),
    Call("a reserved flag (gw030)", "Get", frame(HI, 2), 13),
    Call("all flags", "Get", frame(HI, 0xFF), 13),
    Call("a message that does not parse", "Get", frame(b"\xff"), 3),
    Call("text that is not UTF-8", "Get", frame(b"\x12\x01\xff"), 3),
]

COMPRESSED = [
    Call("gzip", "Get", frame(gzip.compress(HI), 1), 0, SAYS_HI, headers=GZIP),
    Call(
        "gzip of several members",
        "Get",
        frame(gzip.compress(HI[:1]) + gzip.compress(HI[1:]), 1),
        0,
        SAYS_HI,
        headers=GZIP,
    ),
    Call("gzip of an empty message", "Get", frame(gzip.compress(b""), 1), 0, ({},), headers=GZIP),
    Call("gzip that is announced and not used (gw028)", "Get", frame(HI), 0, SAYS_HI, headers=GZIP),
    Call("a flag without an encoding (gw025)", "Get", frame(HI, 1), 13),
    Call("a flag with identity", "Get", frame(HI, 1), 13, headers=(("grpc-encoding", "identity"),)),
    Call("an encoding that is unknown", "Get", frame(HI, 1), 12, headers=(("grpc-encoding", "br"),)),
    Call("an encoding that is unknown, and not used", "Get", frame(HI), 12, headers=(("grpc-encoding", "br"),)),
    Call("no gzip", "Get", frame(HI, 1), 13, headers=GZIP),
    Call("gzip cut short", "Get", frame(gzip.compress(HI)[:-1], 1), 13, headers=GZIP),
    Call("bytes behind the gzip", "Get", frame(gzip.compress(HI) + b"x", 1), 13, headers=GZIP),
    Call("gzip of too much", "Get", frame(gzip.compress(bytes(2 << 20)), 1), 8, headers=GZIP),
    _text("gzip in text", B64(frame(gzip.compress(HI), 1)), headers=GZIP),
]

_CHUNKS = B64(frame(HI)[:4]) + B64(frame(HI)[4:])

TEXTS = [
    _text("one chunk", B64(frame(HI))),
    _text("padded chunks (gw011)", _CHUNKS),
    _text("a chunk for each byte", b"".join(B64(bytes([byte])) for byte in frame(HI))),
    _text("without padding (gw012)", B64(frame(HI)).rstrip(b"=")),
    _text("no base64", b"!!!!", 13),
    _text("base64 cut short", B64(frame(HI))[:-3], 13),
    _text("the other alphabet", B64(frame(HI)).replace(b"A", b"-"), 13),
    _text("white space", B64(frame(HI))[:4] + b"\n" + B64(frame(HI))[4:], 13),
    _text("binary bytes", frame(HI), 13),
    _text("padding alone", b"====", 13),
    _text("nothing", b"", 12),
    _text("two messages", B64(frame(HI)) + B64(frame(HI)), 12),
]

STREAMS = [
    Call("no message", "Stream", frame(message(i32=0))),
    Call("many messages", "Stream", frame(message(i32=3)), 0, ({"i32": 1}, {"i32": 2}, {"i32": 3})),
    Call("a failure before the first", "Stream", frame(message(name="abort")), 5, text="mid"),
    Call(
        "a failure in the middle",
        "Stream",
        frame(message(i32=2, name="abort")),
        5,
        ({"i32": 1}, {"i32": 2}),
        text="mid",
    ),
    Call(
        "a fault in the middle", "Stream", frame(message(i32=1, name="raise")), 13, ({"i32": 1},), text="internal error"
    ),
    Call(
        "a deadline in the middle",
        "Stream",
        frame(message(i32=2, name="gate")),
        4,
        ({"i32": 1},),
        headers=(("grpc-timeout", "200m"),),
    ),
    Call("a message that does not parse", "Stream", frame(b"\xff"), 3),
    Call(
        "in text",
        "Stream",
        B64(frame(message(i32=2))),
        0,
        ({"i32": 1}, {"i32": 2}),
        "application/grpc-web-text",
        answer_type=TEXT,
    ),
    Call(
        "a failure in text",
        "Stream",
        B64(frame(message(i32=1, name="abort"))),
        5,
        ({"i32": 1},),
        "application/grpc-web-text",
        answer_type=TEXT,
    ),
]

ERRORS = [
    *[Call(f"code {code}", "Err", frame(message(i32=code)), code, text=f"message {code}") for code in range(1, 17)],
    *[Call(f"no code, {code}", "Err", frame(message(i32=code)), 13, text="internal error") for code in (0, 17, -1)],
    Call("a message outside ASCII", "Err", frame(message(i32=5, sub={"s": "100% ü😀"})), 5, text="100% ü😀"),
    Call(
        "a message that would break the trailers",
        "Err",
        frame(message(i32=5, sub={"s": "a\r\nb: c"})),
        5,
        text="a\r\nb: c",
    ),
    Call("a method that nobody has (gw037)", "Nope", frame(b""), 12),
    Call(
        "a method that nobody has, in text",
        "Nope",
        B64(frame(b"")),
        12,
        (),
        "application/grpc-web-text",
        answer_type=TEXT,
    ),
    Call("an empty answer", "Del", frame(b""), 0, ({},), answer="google.protobuf.Empty"),
    Call(
        "HttpBody is a message", "Upload", frame(b"\x0a\x01a"), 0, ({"contentType": "a"},), answer="google.api.HttpBody"
    ),
]

TIMEOUTS = [
    Call(
        f"grpc-timeout: {text}", "Get", frame(HI), code, SAYS_HI if code == 0 else (), headers=(("grpc-timeout", text),)
    )
    # gw040, gw041 and gw045 among them.
    for text, code in {"10S": 0, "99999999999S": 0, "1.5S": 0, "bad": 3, "": 3, "-1S": 3, "1n": 4, "0S": 4}.items()
] + [Call("a -bin header that is no base64", "Get", frame(HI), 3, headers=(("x-a-bin", "!"),))]

METADATA = [
    Call(
        "text",
        TELL,
        frame(message(rs=["initial:x-a:1", "trailing:x-b:2, 3"])),
        0,
        ({},),
        answer=EMPTY,
        initial={"x-a": "1"},
        trailing={"x-b": "2, 3"},
    ),
    Call(
        "bytes, unpadded (gw066)",
        TELL,
        frame(message(rs=["initial:x-a-bin:ff00", "trailing:x-b-bin:01"])),
        0,
        ({},),
        answer=EMPTY,
        initial={"x-a-bin": "/wA"},
        trailing={"x-b-bin": "AQ"},
    ),
    Call(
        "with a failure",
        TELL,
        frame(message(rs=["initial:x-a:1", "trailing:x-b:2"], i32=5)),
        5,
        initial={"x-a": "1"},
        trailing={"x-b": "2"},
    ),
    *[
        Call(f"refused, {told!r}", TELL, frame(message(rs=[told])), 13, text="internal error")
        for told in (
            "trailing:x-a:b\r\ngrpc-status: 0",
            "trailing:x-a:ü",
            "trailing:grpc-status:0",
            "trailing:a b:c",
            "initial:x-a:b\r\nc: d",
        )
    ],
    Call(
        "a message as it is, but for what must be encoded (gw071)",
        "Err",
        frame(message(i32=5, sub={"s": "a b: 100% ~"})),
        5,
        trailing={"grpc-message": "a b: 100%25 ~"},
    ),
    Call(
        "a status with details (gw064)",
        "Err",
        frame(message(i32=8, name="unknown")),
        8,
        trailing={"grpc-status-details-bin": base64.b64encode(RICH).decode().rstrip("=")},
    ),
]

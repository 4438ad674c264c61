"""What costs most of what may be sent is answered soon, and shortly: nobody makes the server say more than he did."""

import gzip
import time
from dataclasses import dataclass

import pytest

from rpcfront import Gateway, Limits
from tests.fuzz.cases import frames
from tests.fuzz.cases.inputs import HttpInput
from tests.fuzz.senders import asgi
from tests.fuzz.service import servicers

LIMIT = Limits().message_bytes // 4
SHORT = LIMIT // 8
JSON, PROTO = ("content-type", "application/json"), ("content-type", "application/proto")
WEB, TEXT = ("content-type", "application/grpc-web"), ("content-type", "application/grpc-web-text")
DEEP = b'{"sub":' * 90 + b'{"i":"x"}' + b"}" * 90 + b","
ANSWERS_LITTLE = b"/t.v1.T/Del"


@dataclass(frozen=True, slots=True)
class Heavy:
    """A body of one unit again and again, up to the limit; or of that much once it is unpacked."""

    kind: tuple[str, str]
    unit: bytes
    before: bytes = b""
    after: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    packed: bool = False

    def request(self, target: bytes) -> HttpInput:
        count = (LIMIT - 100 - len(self.before) - len(self.after)) // len(self.unit)
        body = self.before + self.unit * count + self.after
        headers = (("host", "x"), self.kind, *self.headers)
        return HttpInput("POST", target, headers, gzip.compress(body * 64) if self.packed else body)


ROWS = {
    "numbers that are none": Heavy(JSON, b'"x",', b'{"ri":[', b'"x"]}'),
    "numbers a little too large": Heavy(JSON, b'"1152921504606846977.0",', b'{"ri":[', b"1]}"),
    "one long number": Heavy(JSON, b"0", b'{"i64":1152921504606846976.', b"1}"),
    "one key again and again": Heavy(JSON, b'"a":1,', b"{", b'"a":1}'),
    "empty arrays": Heavy(JSON, b"[],", b'{"val":[', b"1]}"),
    "empty messages": Heavy(JSON, b"{},", b'{"subs":[', b"{}]}"),
    "a fault in the depth": Heavy(JSON, DEEP, b'{"subs":[', b"{}]}"),
    "opening brackets": Heavy(JSON, b"["),
    "a path of fields": Heavy(JSON, b"aB,", b'{"mask":"', b'a"}'),
    "tiny fields": Heavy(PROTO, b"\x82\x01\x00"),
    "unknown fields": Heavy(PROTO, b"\xf8\x7f\x01"),
    "groups in groups": Heavy(PROTO, b"\x1b"),
    "empty frames": Heavy(WEB, bytes(5)),
    "padding everywhere": Heavy(TEXT, b"AA=="),
    "nothing but padding": Heavy(TEXT, b"="),
    "a bomb": Heavy(JSON, b" ", headers=(("content-encoding", "gzip"),), packed=True),
    "a bomb in a frame": Heavy(WEB, b" ", headers=(("grpc-encoding", "gzip"),), packed=True),
}


@pytest.mark.parametrize("name", ROWS)
async def test_the_heaviest_request_gets_a_short_answer_soon(name: str) -> None:
    application = Gateway(servicers("on the loop"), limits=Limits(message_bytes=LIMIT)).asgi
    request = ROWS[name].request(ANSWERS_LITTLE)
    if ROWS[name].packed and ROWS[name].kind is WEB:
        request = HttpInput("POST", request.target, request.headers, frames.frame(request.body, 1))
    begun = time.perf_counter()
    answer = await asgi.call(application, request)
    assert time.perf_counter() - begun < 5
    assert answer is not None
    assert len(answer.body) < SHORT

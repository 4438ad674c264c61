"""What strangers send never becomes a line of its own in the log, nor steers a terminal, over any protocol."""

import http.client
import re
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.support.servers.actiond import ServerProcess
from tests.support.targets.certificates import Authority
from tests.support.waiting import WAIT, until

FORGED = b"\n2026-11-28T16:00:00.000Z INFO forged: a line\r\x1b[8m\x07\x7f\x9b\xc2\x9b\xe2\x80\xa8\x00end"
"""A line in our form behind a line break, and what steers terminals: C0, DEL, and CSI as a byte and in UTF-8."""
TAME = FORGED.replace(b"\n", b"").replace(b"\r", b"").replace(b"\0", b"")
"""The same without what ends a field of HTTP/1.1 and HTTP/2."""
SERVICE = b"/zitadel.action.v3alpha.ActionService/"
LINE = re.compile(
    r"(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:DEBUG|INFO|WARNING|ERROR|CRITICAL) [\w.]+: "
    r'|time=\S+ (?:protocol|target)=|\{"time":|actiond: (?:warning|error): )(?P<text>.*)'
)
TYPES = [b"application/grpc", b"application/grpc-web-text", b"application/proto", b"application/connect+json"]


def heads() -> Iterator[tuple[bytes, bytes, list[tuple[bytes, bytes]]]]:
    """Method, path and fields of requests, with the text wherever a client can put it."""
    for text in (FORGED, TAME):
        yield b"GET" + text, b"/", []
        yield b"GET", b"/v3alpha/" + text, []
        yield b"GET", b"/v3alpha/targets/1?x=" + text, [(b"authorization", b"Bearer " + text)]
        yield b"POST", b"/v3alpha/targets", [(b"content-type", text)]
        yield b"POST", SERVICE + text, [(b"content-type", b"application/json")]
        names = (b"x-request-id", b"authorization", b"user-agent", b"origin", b"forwarded", b"x-forwarded-for", b"te")
        yield b"GET", b"/v3alpha/targets/1", [(name, text) for name in names]
        yield b"GET", b"/nothing", [(b"x-" + text, b"value"), (b"x-request-id", b"ok" + text)]
        for content_type in TYPES:
            fields = [b"grpc-timeout", b"grpc-encoding", b"connect-timeout-ms", b"x-bin", b"traceparent"]
            yield (
                b"POST",
                SERVICE + b"GetTargetByID",
                [
                    (b"content-type", content_type),
                    (b"te", b"trailers"),
                    *((name, text) for name in fields),
                ],
            )
            yield b"POST", SERVICE + text, [(b"content-type", content_type), (b"te", b"trailers")]


def send(port: int, data: bytes, tls: ssl.SSLContext | None) -> None:
    """Send, and read until the server closes the connection or has nothing more to say."""
    with suppress(OSError), ExitStack() as opened:
        connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), WAIT))
        if tls is not None:
            connection = opened.enter_context(tls.wrap_socket(connection, server_hostname="localhost"))
        connection.sendall(data)
        connection.settimeout(0.1)
        while connection.recv(65_536):
            pass


def http1(method: bytes, path: bytes, fields: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    fields = [(b"host", b"localhost"), (b"content-length", b"%d" % len(body)), *fields]
    return (
        method + b" " + path + b" HTTP/1.1\r\n" + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n" + body
    )


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def http2(method: bytes, path: bytes, fields: list[tuple[bytes, bytes]], body: bytes) -> bytes:
    """A connection with one request, literal fields without Huffman coding, and text in each frame that takes some."""
    pairs = [(b":method", method), (b":scheme", b"http"), (b":authority", b"localhost"), (b":path", path), *fields]
    block = b"".join(b"\0" + _string(name) + _string(value) for name, value in pairs)
    return (
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
        + frame(4, 0, 0)
        + frame(6, 0, 0, FORGED[:8])
        + frame(0xFA, 0, 0, FORGED)
        + frame(1, 0x4, 1, block)
        + frame(0, 0x1, 1, body)
        + frame(7, 0, 0, struct.pack(">II", 0, 11) + FORGED)
    )


def _string(text: bytes) -> bytes:
    assert len(text) < 254
    return bytes([len(text)]) + text if len(text) < 127 else b"\x7f" + bytes([len(text) - 127]) + text


def client_hello_with_forged_name() -> bytes:
    """The first bytes of TLS, whose server name is the text."""
    text = FORGED.replace(b"\0", b" ")
    name = "a" * len(text)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(incoming, outgoing, server_hostname=name)
    with suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    assert hello.count(name.encode()) == 1
    return hello.replace(name.encode(), text)


@pytest.mark.parametrize("style", ["text", "json"])
@pytest.mark.parametrize("has_tls", [False, True], ids=["bare", "tls"])
def test_every_line_in_the_log_is_one_of_ours(tmp_path: Path, style: str, has_tls: bool) -> None:
    authority = Authority()
    flags: tuple[str, ...] = ()
    tls = None
    if has_tls:
        authority.server_pair().write(tmp_path, "server")
        flags = ("--tls-cert", str(tmp_path / "server.pem"), "--tls-key", str(tmp_path / "server-key.pem"))
        tls = authority.trust()
    trusted = ("--trusted-proxy", "127.0.0.0/8")
    with ServerProcess(tmp_path, "--access-log", style, "--log-level", "debug", *trusted, *flags) as server:
        bodies = [b'{"name":"' + FORGED + b'"}', b"\0\0\0\0\x05" + FORGED, FORGED]
        for head in heads():
            for body in bodies:
                send(server.http_port, http1(*head, body), tls)
                send(server.grpc_port, http2(*head, body), tls)
        send(server.http_port, FORGED, tls)
        send(server.http_port, FORGED, None)
        send(server.grpc_port, client_hello_with_forged_name(), None)
        _mark_the_end(server, tls)
        until(lambda: "the-end" in server.stderr, "the last request is in the log")
        text = server.stderr
    for line in text.removesuffix("\n").split("\n"):
        match = LINE.fullmatch(line)
        assert match is not None, line
        assert match["text"].isprintable(), line


def _mark_the_end(server: ServerProcess, tls: ssl.SSLContext | None) -> None:
    connection: http.client.HTTPConnection
    if tls is None:
        connection = http.client.HTTPConnection("localhost", server.http_port, timeout=WAIT)
    else:
        connection = http.client.HTTPSConnection("localhost", server.http_port, timeout=WAIT, context=tls)
    connection.request("GET", "/nothing", headers={"X-Request-Id": "the-end"})
    assert connection.getresponse().status == 404
    connection.close()


def test_failures_that_strangers_cause_are_bounded(tmp_path: Path) -> None:
    authority = Authority()
    authority.server_pair().write(tmp_path, "server")
    flags = ("--tls-cert", str(tmp_path / "server.pem"), "--tls-key", str(tmp_path / "server-key.pem"))
    with ServerProcess(tmp_path, *flags) as server:
        for _ in range(300):
            with socket.create_connection(("127.0.0.1", server.http_port), WAIT) as connection:
                connection.sendall(b"\x16\x03\x01\x00\x05hello")
                with suppress(OSError):
                    connection.recv(100)
        assert server.stop() == 0
    assert len(server.stderr.splitlines()) < 100

"""TLS handshakes of strangers: those that do not end, those that fail, and what is said about them."""

import asyncio
import logging
import re
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from rpcfront import ConnectionLimits, TlsFiles
from rpcfront.listener import server as server_module
from rpcfront.listener.server import Server
from tests.rpcfront.listener.listening import listening
from tests.rpcfront.listener.process import gateway
from tests.support.clients import http1_client
from tests.support.clients.http1_client import Http1Client
from tests.support.clients.http2_client import PREFACE
from tests.support.targets.certificates import Authority, replace_file

LIMIT = 10
SLACK = 2
"""Connections that are being closed may be there for a moment."""
AT_ONCE = 1.0
AUTHORITY = Authority()
SERVER_NAME = "localhost.example"


def client_hello() -> bytes:
    """Return what a client sends first."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = AUTHORITY.trust().wrap_bio(incoming, outgoing, server_hostname=SERVER_NAME)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    replace_file(tmp_path / "authority.pem", AUTHORITY.pem.encode())
    return TlsFiles(*AUTHORITY.server_pair().write(tmp_path, "server"))


@pytest.fixture
async def server(files: TlsFiles) -> AsyncIterator[Server]:
    limits = ConnectionLimits(connections=LIMIT, handshake_seconds=20)
    async with listening(gateway(), limits, tls=files) as server:
        yield server


async def connect(stack: AsyncExitStack, server: Server, context: ssl.SSLContext | None = None) -> Http1Client:
    """Open a connection, with TLS if there is a context."""
    name = None if context is None else "localhost"
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=context, server_hostname=name)
    client = Http1Client(reader, writer)
    stack.callback(lambda: client.writer.transport.abort())  # and keeps it until then
    return client


SENT = {"nothing": b"", "half a hello": client_hello()[:100], "a hello": client_hello()}


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("sent", SENT)
async def test_handshakes_that_do_not_end_count_and_make_room_for_others(server: Server, sent: str) -> None:
    async with AsyncExitStack() as stack:
        busy = await connect(stack, server, AUTHORITY.trust())
        busy.get("/wait")
        for _ in range(5 * LIMIT):
            client = await connect(stack, server)
            client.send(SENT[sent])
            await asyncio.sleep(0.002)
            assert len(server._connections) <= LIMIT + SLACK
        late = await connect(stack, server, AUTHORITY.trust())
        assert await late.goes_on()
        assert not await busy.has_ended(0.1)


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("is_http2", [False, True], ids=["HTTP/1.1", "HTTP/2"])
async def test_an_idle_client_that_does_not_take_leave_gives_up_its_place_at_once(
    server: Server, *, is_http2: bool
) -> None:
    context = AUTHORITY.trust()
    if is_http2:
        context.set_alpn_protocols(["h2"])
    async with AsyncExitStack() as stack:
        for _ in range(LIMIT):
            client = await connect(stack, server, context)
            if is_http2:
                client.send(PREFACE)
                await client.reader.readexactly(9)
            else:
                assert await client.goes_on()
            # It sees no close_notify, and so answers none.
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is a Transport
        for _ in range(3):
            late = await connect(stack, server, AUTHORITY.trust())
            assert await late.goes_on()
            assert len(server._connections) <= LIMIT


@pytest.mark.usefixtures("quiet")
async def test_a_handshake_has_a_limit_of_time(files: TlsFiles) -> None:
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(
            listening(gateway(), ConnectionLimits(handshake_seconds=0.3), tls=files)
        )
        client = await connect(stack, server)
        client.send(client_hello()[:100])
        assert await client.has_ended(AT_ONCE)
        assert not server._connections


@pytest.mark.usefixtures("quiet")
async def test_a_drain_does_not_wait_for_handshakes(server: Server) -> None:
    async with AsyncExitStack() as stack:
        client = await connect(stack, server)
        await asyncio.sleep(0.05)
        assert server._connections
        await asyncio.wait_for(server.drain(20), AT_ONCE)
        assert await client.has_ended()


@pytest.mark.usefixtures("quiet")
async def test_a_request_that_comes_with_the_end_of_the_handshake_is_answered(server: Server) -> None:
    for _ in range(20):
        async with AsyncExitStack() as stack:
            client = await connect(stack, server, AUTHORITY.trust())
            client.get("/nowhere")
            assert (await client.response()).status == 404


@pytest.mark.usefixtures("quiet")
async def test_clients_that_leave_within_a_handshake_are_forgotten_without_a_word(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for sent in SENT.values():
        for how in ("close", "reset"):
            async with AsyncExitStack() as stack:
                client = await connect(stack, server)
                client.send(sent)
                await asyncio.sleep(0.02)
                if how == "close":
                    client.writer.close()
                else:
                    client.leave()
                async with asyncio.timeout(AT_ONCE):
                    while server._connections:  # noqa: ASYNC110  # nothing tells
                        await asyncio.sleep(0.01)
    assert not caplog.records


@pytest.mark.usefixtures("quiet")
async def test_a_server_name_that_is_not_ascii_is_no_trouble(
    server: Server, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    async with AsyncExitStack() as stack:
        client = await connect(stack, server)
        client.send(client_hello().replace(SERVER_NAME.encode(), b"\xff" * len(SERVER_NAME)))
        await asyncio.wait_for(client.reader.read(1), 5)
        other = await connect(stack, server, AUTHORITY.trust())
        assert await other.goes_on()
    assert capfd.readouterr() == ("", "")
    assert not caplog.records


# What the log says.


def without_a_certificate() -> ssl.SSLContext:
    return AUTHORITY.trust()


def of_an_older_version() -> ssl.SSLContext:
    context = AUTHORITY.trust()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def of_another_authority(tmp_path: Path) -> ssl.SSLContext:
    context = AUTHORITY.trust()
    context.load_cert_chain(*Authority().issue().write(tmp_path, "stranger"))
    return context


@pytest.mark.parametrize(
    ("client", "reason"),
    [
        ("no certificate", "peer did not return a certificate"),
        ("another authority", "certificate signature failure"),
        ("an older version", "unsupported protocol"),
        ("distrust", "tlsv1 alert unknown ca"),
        ("plain HTTP", "the client does not speak TLS"),
    ],
)
async def test_a_handshake_that_fails_is_logged_with_its_reason(
    files: TlsFiles, tmp_path: Path, caplog: pytest.LogCaptureFixture, client: str, reason: str
) -> None:
    contexts = {
        "no certificate": without_a_certificate,
        "another authority": lambda: of_another_authority(tmp_path),
        "an older version": of_an_older_version,
        "distrust": ssl.create_default_context,
    }

    def connect(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            if client == "plain HTTP":
                plain.sendall(http1_client.request("GET", "/"))
                plain.recv(1)
            else:
                # Not uvloop's, which sends no alert.
                with contexts[client]().wrap_socket(plain, server_hostname="localhost") as secure:
                    secure.recv(1)

    asking = replace(files, client_ca=tmp_path / "authority.pem", client_auth="require")
    caplog.set_level(logging.INFO)
    async with listening(gateway(), tls=asking) as server:
        with suppress(OSError):
            await asyncio.to_thread(connect, server.port)
        async with asyncio.timeout(AT_ONCE):
            while not caplog.records:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)
    (record,) = caplog.records
    assert (record.levelname, bool(record.exc_info)) == ("INFO", False)
    assert re.fullmatch(rf"TLS: the handshake with ipv4:127\.0\.0\.1:\d+ failed: {reason}", record.getMessage())


async def test_strangers_cannot_fill_the_log_with_handshakes_that_fail(
    server: Server, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)

    async def fail() -> None:
        async with http1_client.connect(server.port) as client:
            client.get("/")
            assert await client.has_ended()

    monkeypatch.setattr(server_module, "_LOG_PERIOD", 1.0)
    for _ in range(30):
        await fail()
    assert len(caplog.records) == 10
    async with asyncio.timeout(5):
        while len(caplog.records) == 10:
            await asyncio.sleep(0.1)
            await fail()
    *_, newest = (record.getMessage() for record in caplog.records)
    missing = re.search(r"failed: the client does not speak TLS; (\d+) before it were not logged$", newest)
    assert missing
    assert int(missing[1]) >= 20


async def test_a_client_that_begins_tls_on_a_port_without_it_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with listening(gateway()) as server, http1_client.connect(server.port) as client:
        client.send(client_hello())
        assert (await client.response()).status in {400, 501}
    assert [record.getMessage().partition("failed: ")[2] for record in caplog.records] == ["this address has no TLS"]

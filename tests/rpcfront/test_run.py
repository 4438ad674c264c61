"""`gateway.run` with TLS files and a proxy in front, as a program of its own."""

import asyncio
import os
import signal
import ssl
import sys
from contextlib import suppress
from pathlib import Path

from cryptography import x509

from tests.support.servers.ports import free_port
from tests.support.targets.certificates import Authority

AUTHORITY = Authority()
PATIENCE = 30.0
PROGRAM = """
import logging, sys
from rpcfront import Gateway, TlsFiles
from tests.support.services import echo


class Peers(echo.AsyncEcho):
    async def Say(self, request, context):
        return type(request)(text=context.peer())


logging.basicConfig(level="INFO")
Gateway(services=[(echo.service(), Peers())]).run(
    port=int(sys.argv[1]),
    ssl=TlsFiles(cert="server.pem", key="server-key.pem"),
    trusted_proxies=["127.0.0.0/8"],
)
"""
REQUEST = (
    "POST /echo.v1.Echo/Say HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
    "x-forwarded-for: 192.0.2.7\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}"
)


async def call(port: int) -> tuple[int, str]:
    """Return the serial number of the server's certificate, and its response."""
    reader, writer = await asyncio.open_connection("localhost", port, ssl=AUTHORITY.trust())
    connection: ssl.SSLObject = writer.get_extra_info("ssl_object")
    certificate = connection.getpeercert(binary_form=True)
    assert certificate is not None
    writer.write(REQUEST.encode())
    response = await reader.read()
    writer.close()
    return x509.load_der_x509_certificate(certificate).serial_number, response.decode()


async def test_run_follows_its_certificates_and_trusts_its_proxies(tmp_path: Path) -> None:
    port = free_port()
    first, second = AUTHORITY.server_pair(), AUTHORITY.server_pair()
    first.write(tmp_path, "server")
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (root, root / "server", root / "generated")))}
    command = (sys.executable, "-c", PROGRAM, str(port))
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(*command, cwd=tmp_path, env=environment, stderr=pipe)
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                with suppress(OSError):
                    serial, response = await call(port)
                    break
                assert server.returncode is None, "the server ended"
                await asyncio.sleep(0.05)
            assert serial == first.serial
            assert await server.stderr.readuntil() == f"Listening on https://127.0.0.1:{port}\n".encode()  # type: ignore[union-attr]  # a pipe
            assert response.endswith('{"text":"ipv4:192.0.2.7"}')
            second.write(tmp_path, "server")
            server.send_signal(signal.SIGHUP)
            await server.stderr.readuntil(b"loaded server.pem")  # type: ignore[union-attr]  # it is a pipe
            assert (await call(port))[0] == second.serial
            server.terminate()
            assert await server.wait() == 0
    finally:
        with suppress(ProcessLookupError):
            server.kill()

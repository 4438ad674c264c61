"""TLS on the port of the listener, with real clients: versions of HTTP, identities, replaced certificates."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from google.protobuf import descriptor_pb2

from rpcfront import Gateway, ServicerContext, TlsFiles, TlsReloader
from tests.support.programs import program
from tests.support.services import echo
from tests.support.targets.certificates import Authority, replace_file

AUTHORITY = Authority()
WORKER = AUTHORITY.issue(x509.DNSName("worker.example"), x509.UniformResourceIdentifier("spiffe://example/worker"))
NAMES = {"peer_dns": [b"worker.example"], "peer_uri": [b"spiffe://example/worker"]}
SAY = "/echo.v1.Echo/Say"


class Witness(echo.AsyncEcho):
    """Keeps what it learns of its last caller."""

    security: Mapping[str, Any]
    peer = ""
    protocol = ""

    async def Say(self, request: Any, context: ServicerContext) -> Any:
        self.security, self.peer, self.protocol = context.auth_context(), context.peer(), context.protocol
        return request


@dataclass(frozen=True)
class Served:
    """A listener with TLS, and the files of its clients."""

    files: TlsFiles
    reloader: TlsReloader
    witness: Witness
    port: int

    @property
    def directory(self) -> Path:
        return self.files.cert.parent

    @property
    def credentials(self) -> tuple[str, str, str]:
        """The paths of the authority, and of the worker's certificate and key."""
        directory = self.directory
        return str(directory / "authority.pem"), str(directory / "worker.pem"), str(directory / "worker-key.pem")


Serve = Callable[..., Any]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    replace_file(tmp_path / "authority.pem", AUTHORITY.pem.encode())
    WORKER.write(tmp_path, "worker")
    files = TlsFiles(*AUTHORITY.server_pair().write(tmp_path, "server"))

    @asynccontextmanager
    async def start(*, trusted_proxies: tuple[str, ...] = (), **settings: Any) -> AsyncIterator[Served]:
        if "client_auth" in settings:
            settings["client_ca"] = tmp_path / "authority.pem"
        reloader = TlsReloader(replace(files, **settings))
        witness = Witness()
        gateway = Gateway(services=[(echo.service(), witness)])
        server = await gateway.listen(ssl=reloader, trusted_proxies=map(ip_network, trusted_proxies))
        yield Served(replace(files, **settings), reloader, witness, server.port)
        await server.drain(5)

    return start


async def run(*command: str, data: bytes = b"") -> tuple[int, bytes, str]:
    """Run a program, and return its exit code, output and errors."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
    output, errors = await process.communicate(data)
    assert process.returncode is not None
    return process.returncode, output, errors.decode()


async def curl(served: Served, path: str, *options: str, content_type: str, data: bytes) -> bytes:
    """Return the body, and raise AssertionError without a status of 2xx."""
    authority, _, _ = served.credentials
    command = ("curl", "-sS", "--fail", "--cacert", authority, "-H", f"Content-Type: {content_type}", *options)
    url = f"https://localhost:{served.port}{path}"
    code, output, errors = await run(*command, "--data-binary", "@-", url, data=data)
    assert code == 0, errors
    return output


def presents(served: Served) -> tuple[str, ...]:
    """Return curl's options for the worker's certificate."""
    _, certificate, key = served.credentials
    return "--cert", certificate, "--key", key


async def by_json(served: Served, *options: str) -> str:
    body = await curl(served, "/v1/notes", *options, content_type="application/json", data=b'{"text": "x"}')
    return str(json.loads(body)["text"])


async def by_connect(served: Served, *options: str) -> str:
    body = await curl(served, SAY, *options, content_type="application/json", data=b'{"text": "x"}')
    return str(json.loads(body)["text"])


async def by_grpc_web(served: Served, *options: str) -> str:
    message = echo.note(text="x").SerializeToString()
    frame = b"\0" + len(message).to_bytes(4) + message
    body = await curl(served, SAY, *options, content_type="application/grpc-web+proto", data=frame)
    assert b"grpc-status:0" in body.replace(b" ", b"")
    return str(echo.note_class().FromString(body[5 : 5 + int.from_bytes(body[1:5])]).text)  # type: ignore[attr-defined]  # the class is made at run time


def over(version: str, call: Callable[..., Awaitable[str]]) -> Callable[[Served], Awaitable[str]]:
    return lambda served: call(served, version, *presents(served))


def channel(served: Served) -> grpc.aio.Channel:
    trusted, certificate, key = (Path(path).read_bytes() for path in served.credentials)
    return grpc.aio.secure_channel(f"localhost:{served.port}", grpc.ssl_channel_credentials(trusted, key, certificate))


async def say(opened: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...] = ()) -> str:
    call: Any = opened.unary_unary(SAY)
    data = await call(echo.note(text="x").SerializeToString(), metadata=metadata)
    return str(echo.note_class().FromString(data).text)  # type: ignore[attr-defined]  # the class is made at run time


async def by_grpcio(served: Served) -> str:
    async with channel(served) as opened:
        return await say(opened)


async def by_grpcurl(served: Served) -> str:
    """grpcurl is made of Go's client, with Go's TLS."""
    described = descriptor_pb2.FileDescriptorSet()
    pending = [echo.service().file]
    while pending:
        file = pending.pop()
        if file.name not in {each.name for each in described.file}:
            file.CopyToProto(described.file.add())
            pending.extend(file.dependencies)
    protoset = served.directory / "echo.binpb"
    protoset.write_bytes(described.SerializeToString())
    authority, certificate, key = served.credentials
    flags = ("-cacert", authority, "-cert", certificate, "-key", key, "-protoset", str(protoset))
    code, output, errors = await run(
        program("grpcurl"), *flags, "-d", '{"text": "x"}', f"localhost:{served.port}", "echo.v1.Echo/Say"
    )
    assert code == 0, errors
    return str(json.loads(output)["text"])


CLIENTS: dict[str, tuple[Callable[[Served], Awaitable[str]], str]] = {
    "JSON by curl over HTTP/1.1": (over("--http1.1", by_json), "json"),
    "JSON by curl over HTTP/2": (over("--http2", by_json), "json"),
    "Connect by curl over HTTP/1.1": (over("--http1.1", by_connect), "connect"),
    "Connect by curl over HTTP/2": (over("--http2", by_connect), "connect"),
    "gRPC-Web by curl over HTTP/1.1": (over("--http1.1", by_grpc_web), "grpc-web"),
    "gRPC-Web by curl over HTTP/2": (over("--http2", by_grpc_web), "grpc-web"),
    "gRPC by grpcio": (by_grpcio, "grpc"),
    "gRPC by Go": (by_grpcurl, "grpc"),
}


@pytest.mark.parametrize("client_auth", ["request", "require"])
@pytest.mark.parametrize("client", CLIENTS)
async def test_every_client_is_known_by_its_certificate(serve: Serve, client: str, client_auth: str) -> None:
    call, protocol = CLIENTS[client]
    async with serve(client_auth=client_auth) as served:
        assert await call(served) == "x"
        assert served.witness.protocol == protocol
        assert served.witness.security["transport_security_type"] == [b"ssl"]
        assert {key: served.witness.security.get(key) for key in NAMES} == NAMES


@pytest.mark.parametrize("client", CLIENTS)
async def test_no_client_is_known_where_none_is_asked_for_a_certificate(serve: Serve, client: str) -> None:
    async with serve() as served:
        assert await CLIENTS[client][0](served) == "x"
        assert not any(key.startswith(("x509", "peer")) for key in served.witness.security)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
async def test_a_client_without_a_certificate_is_served_only_where_none_is_required(serve: Serve, version: str) -> None:
    async with serve(client_auth="request") as served:
        assert await by_json(served, version) == "x"
        assert "x509_pem_cert" not in served.witness.security
    async with serve(client_auth="require") as served:
        with pytest.raises(AssertionError, match="curl"):
            await by_json(served, version)


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
async def test_curl_chooses_the_version_of_http_by_alpn(serve: Serve, version: str) -> None:
    async with serve() as served:
        body = await curl(
            served,
            "/v1/notes",
            version,
            *("-w", "%{http_version}", "-o", "/dev/null"),
            content_type="application/json",
            data=b"{}",
        )
    assert body == {"--http1.1": b"1.1", "--http2": b"2"}[version]


@pytest.mark.parametrize(("least", "is_served"), [(ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, False)])
async def test_tls_1_2_is_served_only_where_it_is_allowed(serve: Serve, least: ssl.TLSVersion, is_served: bool) -> None:
    async with serve(min_version=least) as served:
        call = by_json(served, "--tls-max", "1.2")
        if is_served:
            assert await call == "x"
        else:
            with pytest.raises(AssertionError, match="curl"):
                await call


async def test_a_client_without_tls_is_not_served(serve: Serve) -> None:
    async with serve() as served:
        code, _, _ = await run("curl", "-sS", f"http://localhost:{served.port}/v1/notes/1")
        assert code != 0
        with pytest.raises(grpc.aio.AioRpcError):
            async with grpc.aio.insecure_channel(f"localhost:{served.port}") as opened:
                await say(opened)


async def test_a_replaced_certificate_is_that_of_new_connections_and_no_call_is_lost(serve: Serve) -> None:
    async with serve() as served:
        async with channel(served) as kept:
            assert await say(kept) == "x"
            done = asyncio.Event()

            async def call_all_the_time() -> int:
                calls = 0
                while not done.is_set() or not calls:
                    assert await say(kept) == "x"
                    calls += 1
                return calls

            calling = asyncio.create_task(call_all_the_time())
            serials = [await serial(served)]
            for _ in range(3):
                AUTHORITY.server_pair().write(served.directory, "server")
                served.reloader.check()
                serials.append(await serial(served))
            done.set()
            assert await calling > 0
        assert len(set(serials)) == 4


async def serial(served: Served) -> str:
    """Return the serial number of the certificate that a new connection gets."""
    _, writer = await asyncio.open_connection("localhost", served.port, ssl=AUTHORITY.trust())
    found = str(writer.get_extra_info("peercert")["serialNumber"])
    writer.close()
    await writer.wait_closed()
    return found


@pytest.mark.parametrize("client", ["curl", "grpcio"])
@pytest.mark.parametrize(
    ("proxies", "peer"),
    [((), "ipv4:127.0.0.1"), (("192.0.2.0/24",), "ipv4:127.0.0.1"), (("127.0.0.0/8", "::1/128"), "ipv4:192.0.2.60:7")],
)
async def test_the_peer_is_whom_a_trusted_proxy_names(
    serve: Serve, client: str, proxies: tuple[str, ...], peer: str
) -> None:
    forwarded = 'for="192.0.2.60:7";proto=https'
    async with serve(trusted_proxies=proxies) as served:
        if client == "curl":
            assert await by_json(served, "-4", "-H", f"Forwarded: {forwarded}") == "x"
        else:
            trusted = grpc.ssl_channel_credentials(AUTHORITY.pem.encode())
            async with grpc.aio.secure_channel(f"127.0.0.1:{served.port}", trusted) as opened:
                assert await say(opened, (("forwarded", forwarded),)) == "x"
        assert served.witness.peer.startswith(peer)

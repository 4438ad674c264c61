"""Who is on the other end of a native gRPC connection, as the context tells it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from rpcfront import Gateway, ServicerContext
from tests.support.services import echo
from tests.support.targets.certificates import Authority

AUTHORITY = Authority()
TRUSTED = AUTHORITY.pem.encode()


def pair(name: str) -> tuple[bytes, bytes]:
    """Return a key and its certificate, in PEM."""
    issued = AUTHORITY.server_pair([name])
    return issued.key, issued.certificate


class Witness(echo.AsyncEcho):
    """Keeps what it is told of its last caller."""

    key: str | None = "nobody has called"
    identities: Any = None
    security: Any = None

    async def Say(self, request: Any, context: ServicerContext) -> Any:
        self.key, self.identities = context.peer_identity_key(), context.peer_identities()
        self.security = context.auth_context()
        return request


@asynccontextmanager
async def called(
    server: grpc.ServerCredentials | None, client: grpc.ChannelCredentials | None
) -> AsyncIterator[Witness]:
    """What a servicer has been told in one call."""
    witness = Witness()
    service = echo.service()
    running = grpc.aio.server()
    running.add_generic_rpc_handlers([Gateway(services=[(service, witness)]).grpc_handler])
    if server is None or client is None:
        address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
        channel = grpc.aio.insecure_channel(address)
    else:
        address = f"127.0.0.1:{running.add_secure_port('127.0.0.1:0', server)}"
        options = [("grpc.ssl_target_name_override", "server.test")]
        channel = grpc.aio.secure_channel(address, client, options)
    await running.start()
    async with channel:
        say: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(f"/{service.full_name}/Say")
        await say(b"")
    yield witness
    await running.stop(None)


async def test_the_name_in_a_clients_certificate_is_its_identity() -> None:
    server = grpc.ssl_server_credentials([pair("server.test")], TRUSTED, require_client_auth=True)
    client = grpc.ssl_channel_credentials(TRUSTED, *pair("client.test"))
    async with called(server, client) as witness:
        assert witness.key == "x509_subject_alternative_name"
        assert witness.identities == [b"client.test"]
        assert witness.security["transport_security_type"] == [b"ssl"]


async def test_a_client_without_a_certificate_has_no_identity() -> None:
    server = grpc.ssl_server_credentials([pair("server.test")])
    async with called(server, grpc.ssl_channel_credentials(TRUSTED)) as witness:
        assert witness.key is None
        assert not witness.identities
        assert witness.security["transport_security_type"] == [b"ssl"]


async def test_without_tls_nobody_has_an_identity() -> None:
    async with called(None, None) as witness:
        assert witness.key is None
        assert witness.identities is None
        assert witness.security["transport_security_type"] == [b"insecure"]

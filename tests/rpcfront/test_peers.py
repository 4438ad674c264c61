"""Who is on the other end of a native gRPC connection, as the context tells it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rpcfront import Gateway, ServicerContext
from tests.support.services import echo


class Pair(NamedTuple):
    """A private key and its certificate, signed by itself, in PEM."""

    key: bytes
    certificate: bytes


def pair(name: str) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    pem = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Pair(pem, certificate.public_bytes(encoding))


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
    ours, theirs = pair("server.test"), pair("client.test")
    server = grpc.ssl_server_credentials([ours], theirs.certificate, require_client_auth=True)
    client = grpc.ssl_channel_credentials(ours.certificate, *theirs)
    async with called(server, client) as witness:
        assert witness.key == "x509_subject_alternative_name"
        assert witness.identities == [b"client.test"]
        assert witness.security["transport_security_type"] == [b"ssl"]


async def test_a_client_without_a_certificate_has_no_identity() -> None:
    ours = pair("server.test")
    async with called(grpc.ssl_server_credentials([ours]), grpc.ssl_channel_credentials(ours.certificate)) as witness:
        assert witness.key is None
        assert not witness.identities
        assert witness.security["transport_security_type"] == [b"ssl"]


async def test_without_tls_nobody_has_an_identity() -> None:
    async with called(None, None) as witness:
        assert witness.key is None
        assert witness.identities is None
        assert witness.security["transport_security_type"] == [b"insecure"]

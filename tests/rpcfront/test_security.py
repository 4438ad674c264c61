"""Who the peer of a TLS connection is, by its certificate: the same as grpcio says of the same certificate."""

import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509

from rpcfront.listener.security import security_of
from rpcfront.listener.tls import ClientAuth, TlsFiles
from rpcfront.protocols.http import INSECURE
from tests.rpcfront.handshakes import Handshake, client
from tests.support.targets.certificates import Authority, Pair, replace_file

AUTHORITY = Authority()
SERVER = AUTHORITY.server_pair()
NAMES: dict[str, Sequence[x509.GeneralName]] = {
    "none": (),
    "one": (x509.DNSName("worker.example"),),
    "of every kind": (
        x509.UniformResourceIdentifier("spiffe://example/worker"),
        x509.DNSName("Worker.example"),
        x509.RFC822Name("worker@example.com"),
        x509.DNSName("another.example"),
        x509.IPAddress(ip_address("192.0.2.1")),
        x509.IPAddress(ip_address("2001:db8::1")),
        x509.DirectoryName(x509.Name([])),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
    ),
}
OF_THE_CONNECTION = {"ssl_requested_server_name", "ssl_negotiated_key_exchange_group", "ssl_session_reused"}
"""Properties that say nothing of the peer."""


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    authorities = tmp_path / "authorities.pem"
    replace_file(authorities, AUTHORITY.pem.encode())
    return TlsFiles(*SERVER.write(tmp_path, "server"), client_ca=authorities, client_auth="request")


def connected(files: TlsFiles, pair: Pair | None, authority: Authority = AUTHORITY) -> ssl.SSLObject:
    """Return the server's end of a connection."""
    return Handshake(files.load().context, client(authority, pair)).run().server


def by_grpcio(pair: Pair) -> tuple[Mapping[str, Sequence[bytes]], Sequence[bytes], str]:
    """Return what a grpcio server says of a client with that certificate: properties, identities and their key."""
    found: list[Any] = []

    def look(request: bytes, context: grpc.ServicerContext) -> bytes:
        found.extend((context.auth_context(), context.peer_identities(), context.peer_identity_key()))
        return b""

    server = grpc.server(ThreadPoolExecutor(1))
    handler: Any = grpc.unary_unary_rpc_method_handler(look)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("a.B", {"C": handler})])
    trusted = AUTHORITY.pem.encode()
    credentials = grpc.ssl_server_credentials([(SERVER.key, SERVER.certificate)], trusted, True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    with grpc.secure_channel(
        f"localhost:{port}", grpc.ssl_channel_credentials(trusted, pair.key, pair.certificate)
    ) as channel:
        call: Any = channel.unary_unary("/a.B/C")
        call(b"")
    server.stop(None).wait()
    return found[0], list(found[1]), found[2]


@pytest.mark.parametrize("names", NAMES)
def test_the_peer_is_who_grpcio_says_it_is(files: TlsFiles, names: str) -> None:
    pair = AUTHORITY.issue(*NAMES[names], subject="a worker, of ours")
    properties, identities, key = by_grpcio(pair)
    ours = security_of(connected(files, pair))
    compared = {name: list(values) for name, values in ours.auth_context.items() if name not in OF_THE_CONNECTION}
    theirs = {name: list(values) for name, values in properties.items() if name not in OF_THE_CONNECTION}
    theirs.pop("peer_spiffe_id", None)  # peer_uri says it too
    assert compared == theirs
    assert (list(ours.identities or ()), ours.identity_key) == (identities, key)


def test_a_connection_without_tls_is_insecure() -> None:
    assert security_of(None) == INSECURE == ({"transport_security_type": [b"insecure"]}, None, None)


@pytest.mark.parametrize("client_auth", ["none", "request"])
def test_a_client_without_a_certificate_has_no_identity(files: TlsFiles, client_auth: ClientAuth) -> None:
    security = security_of(
        connected(
            replace(files, client_auth=client_auth, client_ca=files.client_ca if client_auth == "request" else None),
            None,
        )
    )
    assert security.auth_context["transport_security_type"] == [b"ssl"]
    assert not any(name.startswith(("x509_", "peer_")) for name in security.auth_context)
    assert (security.identities, security.identity_key) == (None, None)


def test_a_certificate_that_nobody_asked_for_does_not_count(files: TlsFiles) -> None:
    pair = AUTHORITY.issue(*NAMES["one"])
    security = security_of(connected(replace(files, client_auth="none", client_ca=None), pair))
    assert "x509_pem_cert" not in security.auth_context


@pytest.mark.parametrize("client_auth", ["request", "require"])
def test_a_certificate_of_another_authority_is_refused(files: TlsFiles, client_auth: ClientAuth) -> None:
    stranger = Authority().issue(*NAMES["one"])
    with pytest.raises(ssl.SSLError):
        connected(replace(files, client_auth=client_auth), stranger)


def test_a_certificate_that_is_required_must_be_presented(files: TlsFiles) -> None:
    with pytest.raises(ssl.SSLError):
        connected(replace(files, client_auth="require"), None)


def test_a_certificate_with_a_malformed_name_has_no_names(files: TlsFiles) -> None:
    # An alternative name of the form that an IP address has, with three bytes.
    malformed = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, bytes.fromhex("30058703010203"))
    pair = AUTHORITY.issue(subject="worker", extension=malformed)
    security = security_of(connected(files, pair))
    assert set(security.auth_context) >= {"x509_pem_cert", "transport_security_type"}
    assert security.identity_key is None

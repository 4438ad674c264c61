"""Certificates, good and bad, of targets, servers and clients, by an authority that exists for a test session."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)
HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: bytes
    key: bytes

    def write(self, directory: Path, name: str) -> tuple[Path, Path]:
        """Write `name`.pem and `name`-key.pem, which replace files of those names, and return their paths."""
        cert, key = directory / f"{name}.pem", directory / f"{name}-key.pem"
        for path, data in ((cert, self.certificate), (key, self.key)):
            replace_file(path, data)
        return cert, key

    @property
    def serial(self) -> int:
        """The certificate's serial number."""
        return x509.load_pem_x509_certificate(self.certificate).serial_number

    def with_password(self) -> bytes:
        """Return the key, encrypted."""
        key = load_pem_private_key(self.key, None)
        return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password"))


def replace_file(path: Path, data: bytes) -> None:
    """Write a file for its owner alone, in one step."""
    draft = path.with_name(f"{path.name}.draft")
    draft.touch(0o600)
    draft.write_bytes(data)
    draft.rename(path)


class Authority:
    """Signs certificates, and creates the contexts of servers that present them and of clients that trust them."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("an authority of the tests")
        self._certificate = (
            _builder(self._name, self._name, self._key, DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @cached_property
    def pem(self) -> str:
        """The authority's own certificate, for clients to trust; the content of an SSL_CERT_FILE."""
        return self._certificate.public_bytes(Encoding.PEM).decode()

    def trust(self) -> ssl.SSLContext:
        """Return a client context that trusts only this authority."""
        return ssl.create_default_context(cadata=self.pem)

    def good(self) -> ssl.SSLContext:
        return self._context(HOSTS, DAY)

    def expired(self) -> ssl.SSLContext:
        return self._context(HOSTS, -DAY)

    def of_another_host(self) -> ssl.SSLContext:
        return self._context(("elsewhere.example",), DAY)

    def self_signed(self) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(HOSTS[0])
        builder = _builder(name, name, key, DAY).add_extension(_alternatives(HOSTS), critical=False)
        return _server_context(builder.sign(key, hashes.SHA256()), key)

    def issue(
        self,
        *names: x509.GeneralName,
        subject: str = "",
        lifetime: timedelta = DAY,
        begins: timedelta = -2 * DAY,
        extension: x509.ExtensionType | None = None,
    ) -> Pair:
        """Return a certificate with these alternative names; without any it has only a subject."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(subject or "no name"), self._name, key, lifetime, begins)
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        if extension is not None:
            builder = builder.add_extension(extension, critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return Pair(certificate.public_bytes(Encoding.PEM), _private_pem(key))

    def server_pair(self, hosts: Sequence[str] = HOSTS, *, lifetime: timedelta = DAY) -> Pair:
        """Return the pair of a server."""
        return self.issue(*map(_alternative, hosts), subject=hosts[0], lifetime=lifetime)

    def _context(self, hosts: tuple[str, ...], lifetime: timedelta) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(hosts[0]), self._name, key, lifetime)
        builder = builder.add_extension(_alternatives(hosts), critical=False)
        return _server_context(builder.sign(self._key, hashes.SHA256()), key)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    lifetime: timedelta,
    begins: timedelta = -2 * DAY,
) -> x509.CertificateBuilder:
    """Return a certificate builder; a negative `lifetime` makes the certificate expired."""
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + lifetime)
    )


def _alternatives(hosts: tuple[str, ...]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([_alternative(host) for host in hosts])


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _server_context(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as directory:
        path = Path(directory) / "chain.pem"  # ssl can load them only from a file
        path.write_bytes(_private_pem(key) + certificate.public_bytes(Encoding.PEM))
        context.load_cert_chain(path)
    return context


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

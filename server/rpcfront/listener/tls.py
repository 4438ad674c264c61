"""TLS of the listener: contexts from files, and files that are replaced while it serves.

An `ssl.SSLContext` of one's own serves as well; this module is for those whose certificates are files.
"""

import asyncio
import logging
import ssl
import stat
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NoReturn

from rpcfront.arguments import check_type

ClientAuth = Literal["none", "request", "require"]
Role = Literal["cert", "key", "client_ca"]
"""The fields of TlsFiles that are files."""

ALPN = ("h2", "http/1.1")
"""The protocols that the listener serves, the preferred one first."""
CHECK_INTERVAL = 3.0
"""Seconds between two checks of the files. A pair of which one file was still missing is complete at the next check, so
new connections get a replaced certificate within two intervals."""

_VERIFY = {"none": ssl.CERT_NONE, "request": ssl.CERT_OPTIONAL, "require": ssl.CERT_REQUIRED}

_log = logging.getLogger(__name__)


class TlsFileError(Exception):
    """A file cannot be used for TLS. Its text is one line that begins with the file's path."""

    def __init__(self, role: Role, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.role: Role = role
        """What the file is for."""


class _EncryptedKeyError(Exception):
    """OpenSSL has asked for the password of a key."""


Stamps = tuple[tuple[int, int, int, int] | None, ...]
"""What tells one version of each file from another; None for a file that is missing."""


@dataclass(frozen=True, slots=True)
class LoadedTls:
    """A context, and what it was made from."""

    context: ssl.SSLContext
    stamps: Stamps
    expires: datetime
    """When the certificate expires."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of a server, and what it demands of its clients."""

    cert: Path
    """The certificate, and the intermediate ones after it."""
    key: Path
    """The certificate's key, unencrypted, which only its owner may read."""
    client_ca: Path | None = None
    """The authorities that clients' certificates are verified against."""
    client_auth: ClientAuth = "none"
    """Whether clients are asked for a certificate. One that is presented must be valid, even where none is required."""
    min_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3

    def __post_init__(self) -> None:
        # A program without types may give strings.
        for role in ("cert", "key", "client_ca"):
            path = getattr(self, role)
            if path is not None or role != "client_ca":
                object.__setattr__(self, role, Path(path))
        check_type("min_version", self.min_version, ssl.TLSVersion)
        if self.client_auth not in _VERIFY:
            raise ValueError(f"client_auth must be one of {', '.join(_VERIFY)}, not {self.client_auth!r}")
        if self.client_auth != "none" and self.client_ca is None:
            raise ValueError(f"client_auth {self.client_auth!r} needs a client_ca")
        if self.client_auth == "none" and self.client_ca is not None:
            raise ValueError("with a client_ca, client_auth must be 'request' or 'require': no client would be asked")

    def load(self) -> LoadedTls:
        """Return a context for a server. Raises TlsFileError."""
        before = self.stamps()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = self.min_version
        context.options |= ssl.OP_NO_RENEGOTIATION
        context.set_alpn_protocols(list(ALPN))
        expires = _load_pair(context, self.cert, self.key)
        if self.client_auth != "none" and self.client_ca is not None:
            _load_authorities(context, self.client_ca)
        context.verify_mode = _VERIFY[self.client_auth]
        if self.stamps() != before:
            raise TlsFileError("cert", self.cert, "the files were replaced while they were read")
        return LoadedTls(context, before, expires)

    def stamps(self) -> Stamps:
        """Return what changes when one of the files is replaced or rewritten."""
        return tuple(_stamp(path) for path in (self.cert, self.key, self.client_ca) if path is not None)


@dataclass(slots=True)
class _Refusal:
    """The newest files, as long as they cannot be used."""

    stamps: Stamps
    is_logged: bool = False


class TlsReloader:
    """Contexts for new connections, of the newest good version of the files. Connections that exist go on."""

    def __init__(self, files: TlsFiles) -> None:
        """Load the files. Raises TlsFileError."""
        self._files = files
        self._newest = files.load()
        self._refusal: _Refusal | None = None
        self._lock = threading.Lock()

    @property
    def context(self) -> ssl.SSLContext:
        """The context of the newest good version.

        No session of another version can be resumed in it: that would keep a client's certificate that was verified
        against authorities which have been replaced.
        """
        return self._newest.context

    @property
    def expires(self) -> datetime:
        """When the certificate that is in use expires."""
        return self._newest.expires

    def reload(self) -> None:
        """Load the files, whether or not they have changed. Raises TlsFileError, and then changes nothing."""
        with self._lock:
            stamps = self._files.stamps()
            try:
                self._load()
            except TlsFileError:
                self._refusal = _Refusal(stamps, is_logged=True)  # the caller knows
                raise

    def reload_soon(self) -> None:
        """Load the files in a thread, as for a signal. Log if they cannot be used; then nothing has changed."""
        asyncio.get_running_loop().run_in_executor(None, self._reload_or_log)

    def _reload_or_log(self) -> None:
        try:
            self.reload()
        except TlsFileError as error:
            _log_refusal(error)

    def check(self) -> None:
        """Load the files if they have changed. Log whether they could be used; then nothing else has changed.

        A pair is two files: while only one of them has been replaced, they do not match. So a failure is logged once it
        is still there at the next check. Until the files can be used, each check tries again: a certificate that is not
        valid yet will be.
        """
        with self._lock:
            stamps = self._files.stamps()
            if stamps == self._newest.stamps:
                self._refusal = None
                return
            try:
                self._load()
            except TlsFileError as error:
                self._refuse(stamps, error)

    async def watch(self, interval: float = CHECK_INTERVAL) -> NoReturn:
        """Check the files every `interval` seconds, in a thread: their file system may be slow."""
        while True:
            await asyncio.sleep(interval)
            await asyncio.to_thread(self.check)

    def _load(self) -> None:
        self._newest = self._files.load()
        self._refusal = None
        _log.info("TLS: loaded %s, which expires at %s", self._files.cert, _text(self._newest.expires))

    def _refuse(self, stamps: Stamps, error: TlsFileError) -> None:
        if self._refusal is None or self._refusal.stamps != stamps:
            self._refusal = _Refusal(stamps)
        elif not self._refusal.is_logged:
            self._refusal.is_logged = True
            _log_refusal(error)


Tls = ssl.SSLContext | TlsFiles | TlsReloader
"""What a listener takes. Files are watched as long as it listens."""


def current(tls: ssl.SSLContext | TlsReloader) -> Callable[[], ssl.SSLContext]:
    """Return what returns the context of a new connection. Raises ValueError for a context that serves none."""
    if isinstance(tls, ssl.SSLContext) and tls.protocol == ssl.PROTOCOL_TLS_CLIENT:
        raise ValueError("ssl is a context for clients; make it with ssl.PROTOCOL_TLS_SERVER")
    return (lambda: tls) if isinstance(tls, ssl.SSLContext) else (lambda: tls.context)


def _log_refusal(error: TlsFileError) -> None:
    _log.error("TLS: the new files are refused and the old ones stay in use: %s", error)


def _load_pair(context: ssl.SSLContext, cert: Path, key: Path) -> datetime:
    """Load a certificate and its key into the context, and return when the certificate expires."""
    expires = _check_dates(cert, _read("cert", cert))
    _read("key", key)
    mode = stat.S_IMODE(key.stat().st_mode)
    if mode & 0o077:
        raise TlsFileError("key", key, f"others than its owner may read or write it (mode {mode:04o}); use chmod 600")
    try:
        context.load_cert_chain(cert, key, password=_refuse_password)
    except _EncryptedKeyError:
        raise TlsFileError("key", key, "the key is encrypted; nobody is there to enter its password") from None
    except ssl.SSLError as error:
        raise _unusable_pair(cert, key, error) from error
    except OSError as error:
        raise TlsFileError("key", key, f"cannot be read: {error.strerror}") from error
    return expires


def _unusable_pair(cert: Path, key: Path, error: ssl.SSLError) -> TlsFileError:
    reason = error.reason or ""
    if reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}:  # the last: of another kind
        return TlsFileError("key", key, f"is not the key of the certificate in {cert}")
    if reason.startswith(("EE_", "CA_")):  # OpenSSL's security level: a short key, an old digest
        return TlsFileError("cert", cert, f"OpenSSL refuses the certificate: {reason.replace('_', ' ').lower()}")
    return TlsFileError("key", key, "is not a private key in PEM that OpenSSL can use")


def _check_dates(path: Path, data: bytes) -> datetime:
    """Return when the first certificate of the file expires. Raises TlsFileError unless it is valid now."""
    from cryptography import x509

    try:
        certificate = x509.load_pem_x509_certificates(data)[0]
        begins, expires = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except ValueError as error:
        raise TlsFileError("cert", path, "is not a certificate in PEM") from error
    now = datetime.now(UTC)
    if now > expires:
        raise TlsFileError("cert", path, f"the certificate expired at {_text(expires)}")
    if now < begins:
        raise TlsFileError("cert", path, f"the certificate is not valid before {_text(begins)}")
    return expires


def _load_authorities(context: ssl.SSLContext, path: Path) -> None:
    _read("client_ca", path)
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError as error:
        raise TlsFileError("client_ca", path, "holds no certificate in PEM") from error
    except OSError as error:
        raise TlsFileError("client_ca", path, f"cannot be read: {error.strerror}") from error


def _read(role: Role, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TlsFileError(role, path, f"cannot be read: {error.strerror}") from error


def _refuse_password() -> NoReturn:
    raise _EncryptedKeyError


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        found = path.stat()  # of what a link leads to: replaced certificates are often new targets of old links
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")

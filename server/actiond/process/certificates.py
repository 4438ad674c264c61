"""The certificates of a worker's listeners: checked at the start, replaced while it serves."""

import asyncio
import ssl
from typing import cast

from actiond.config.groups import TlsSettings
from actiond.config.setting import SettingsError
from actiond.process.parts import PartError
from rpcfront import ClientAuth, TlsFileError, TlsFiles, TlsReloader

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_FLAGS = {"cert": "--tls-cert", "key": "--tls-key", "client_ca": "--tls-client-ca"}


def check(settings: TlsSettings) -> None:
    """Raise SettingsError, naming the setting and its file, if TLS is on and cannot be served."""
    files = _files(settings)
    try:
        if files is not None:
            files.load()
    except TlsFileError as error:
        raise SettingsError(f"{_FLAGS[error.role]}: {error}") from error


class Certificates:
    """A Part. It looks for replaced files while the worker serves, and when it is told to."""

    name = "TLS certificates"

    def __init__(self, reloader: TlsReloader) -> None:
        self.reloader = reloader
        """What the listeners serve with."""
        self._watching: asyncio.Task[None]

    @classmethod
    def load(cls, settings: TlsSettings) -> "Certificates | None":
        """Load the files; return None without TLS. Raise PartError if they cannot be used."""
        files = _files(settings)
        try:
            return None if files is None else cls(TlsReloader(files))
        except TlsFileError as error:
            raise PartError(f"{_FLAGS[error.role]}: {error}") from error

    def reload(self) -> None:
        """Load the files, in a thread. Files that cannot be used are refused with a line in the log."""
        self.reloader.reload_soon()

    async def start(self) -> None:
        self._watching = asyncio.create_task(self.reloader.watch())

    async def ended(self) -> None:
        await asyncio.shield(self._watching)

    def drain(self) -> None:
        """Do nothing: the connections that there are may still be kept."""

    async def idle(self) -> None:
        """Do nothing: it has nothing in flight."""

    async def cancel(self) -> None:
        """Do nothing: it has nothing in flight."""

    async def close(self) -> None:
        self._watching.cancel()


def _files(settings: TlsSettings) -> TlsFiles | None:
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return TlsFiles(
        cert=settings.tls_cert,
        key=settings.tls_key,
        client_ca=settings.tls_client_ca if settings.tls_client_auth != "none" else None,
        client_auth=cast("ClientAuth", settings.tls_client_auth),
        min_version=_VERSIONS[settings.tls_min_version],
    )

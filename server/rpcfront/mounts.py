"""Paths served beside the services: probes, the program's own handlers, the OpenAPI document and its page."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from rpcfront.calls.dispatch import Dispatcher
from rpcfront.calls.methods import ServiceError
from rpcfront.protocols.http import JSON_TYPE, Handler, HttpRequest, HttpResponse
from rpcfront.protocols.json_errors import JsonErrors

MOUNT_METHODS = ("GET", "HEAD", "OPTIONS")

Probe = Callable[[], Awaitable[None]]
"""Returns when all is well, raises when it is not."""

_BELOW = "/*"
_PROBE_BODY = b'{"status":"SERVING"}'


@dataclass(frozen=True, slots=True)
class Mount:
    """A handler on a path, or on every path below one: `/console/*` serves `/console/` and all that follows it."""

    path: str
    handler: Handler

    @property
    def prefix(self) -> str | None:
        """What the paths of a mount begin with; None for a single path."""
        return self.path.removesuffix("*") if self.path.endswith(_BELOW) else None


class Mounts:
    """The table of mounts. A single path wins over a prefix, a longer prefix over a shorter one."""

    def __init__(self, mounts: Iterable[Mount], dispatcher: Dispatcher, errors: JsonErrors) -> None:
        """Raise ServiceError for two mounts of one path, and for a path that no request can have."""
        self._dispatcher = dispatcher
        self._errors = errors
        self._by_path: dict[str, Mount] = {}
        for mount in mounts:
            if not mount.path.startswith("/") or "*" in mount.path.removesuffix(_BELOW):
                raise ServiceError(f"a handler's path is like /path or /path/*, not {mount.path!r}")
            if self._by_path.setdefault(mount.path, mount) is not mount:
                raise ServiceError(f"the handler of {mount.path} collides with what is served there already")
        prefixes = [(mount.prefix, mount) for mount in self._by_path.values() if mount.prefix is not None]
        self._by_prefix = sorted(prefixes, key=lambda pair: len(pair[0]), reverse=True)

    def __iter__(self) -> Iterator[Mount]:
        return iter(self._by_path.values())

    def find(self, path: str) -> Mount | None:
        """Return the mount that serves a path."""
        mount = self._by_path.get(path)
        if mount is None or mount.prefix is not None:
            mount = next((found for prefix, found in self._by_prefix if path.startswith(prefix)), None)
        return mount

    async def serve(self, request: HttpRequest, mount: Mount) -> HttpResponse:
        """Return the response of a mount to a GET or HEAD. An exception gets the response that a servicer's would."""
        try:
            return _checked(await mount.handler(request), mount)
        except BaseException as error:  # noqa: BLE001  # what is not this request's failure is raised again
            return self._errors.response(self._dispatcher.failed(error, request.path))


def _checked(response: object, mount: Mount) -> HttpResponse:
    """Raise TypeError for what is no response: nothing would be sent for None."""
    if not isinstance(response, HttpResponse):
        raise TypeError(f"the handler of {mount.path} returned {type(response).__name__}, not an HttpResponse")
    return response


def probe_mounts(probes: Mapping[str, Probe]) -> Iterator[Mount]:
    """Yield a mount for each probe: 200 while it returns, an error once it raises."""
    for path, probe in probes.items():
        yield Mount(path, _probe_handler(probe))


def _probe_handler(probe: Probe) -> Handler:
    async def handler(_request: HttpRequest) -> HttpResponse:
        await probe()
        return HttpResponse(200, [("content-type", JSON_TYPE)], _PROBE_BODY)

    return handler

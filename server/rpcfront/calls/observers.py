"""What can be seen of a call from outside: its beginning and its end, for access logs, metrics and traces."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from rpcfront.calls.context import ServicerContext
from rpcfront.metadata import Metadata
from rpcfront.status import StatusError

_log = logging.getLogger(__name__)


class CallStart:
    """A call that begins, or a request over HTTP that reaches no method.

    Metadata and peer are read on demand: few observers ask, and reading costs more than the rest of this object.
    """

    __slots__ = ("_context", "method")

    def __init__(self, method: str, context: ServicerContext) -> None:
        self.method = method
        """`package.Service/Method`; empty if the request reaches none."""
        self._context = context

    @property
    def protocol(self) -> str:
        """`grpc`, `grpc-web`, `connect`, `json`; `http` for a request that reaches no method."""
        return self._context.protocol

    @property
    def metadata(self) -> Metadata:
        """What the client has sent. Empty if it is malformed, which is going to end the call."""
        try:
            return self._context.invocation_metadata()
        except StatusError:
            return ()

    @property
    def peer(self) -> str:
        """The other end of the connection, as grpcio writes it: `ipv4:127.0.0.1:50000`."""
        return self._context.peer()

    @property
    def request_id(self) -> str:
        """The client's `x-request-id`, or a new one."""
        return self._context.request_id


@dataclass(frozen=True, slots=True)
class CallEnd:
    """A call that has ended, or a request over HTTP that reached no method."""

    protocol: str
    """See CallStart."""
    method: str
    """`package.Service/Method`; empty for a request that reached none."""
    code: int
    """A google.rpc.Code."""
    seconds: float
    caller: Any
    """Who called, as the gateway's `authenticate` returned it; None before that."""
    request_id: str
    peer: str


class Observer(Protocol):
    """Sees every call, on the event loop: it must not block.

    Both methods run in the call's own task, `started` before the call is counted or authenticated. A context variable
    that `started` sets is therefore set in the interceptors and in the servicer too. What an observer raises is logged
    and harms no call.
    """

    def started(self, call: CallStart) -> object:
        """See a call begin. What this returns is passed to `ended`, which is not called after an exception."""

    def ended(self, token: Any, call: CallEnd) -> None:
        """See a call end."""


class Observers:
    """Several observers as one. The first to see a call begin is the last to see it end."""

    def __init__(self, observers: Iterable[Observer]) -> None:
        self._observers = tuple(observers)
        self._logged: set[tuple[type, type]] = set()

    def started(self, call: CallStart) -> list[tuple[Observer, object]]:
        """Let all observers see a call begin; return those that will see its end, with their tokens."""
        tokens: list[tuple[Observer, object]] = []
        for observer in self._observers:
            try:
                tokens.append((observer, observer.started(call)))
            except Exception as error:  # noqa: BLE001  # whatever it is, it is not the call's failure
                self._log_once(observer, error)
        return tokens

    def ended(self, tokens: list[tuple[Observer, object]], call: CallEnd) -> None:
        """Let those observers see a call end."""
        for observer, token in reversed(tokens):
            try:
                observer.ended(token, call)
            except Exception as error:  # noqa: BLE001  # as above
                self._log_once(observer, error)

    def _log_once(self, observer: Observer, error: Exception) -> None:
        """Log an error, once for its kind, since every call may raise it again."""
        kind = (type(observer), type(error))
        if kind not in self._logged:
            self._logged.add(kind)
            _log.error("an observer failed; further errors of this kind are not logged", exc_info=error)

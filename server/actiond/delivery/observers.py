"""What can be seen of the calls to targets."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from actiond.actions.ports import TargetRequest
from actiond.delivery.outcomes import TargetCall

_log = logging.getLogger(__name__)


class TargetObserver(Protocol):
    """Sees each call begin and end, on the event loop. Its methods must not block."""

    def started(self, request: TargetRequest, headers: dict[str, str]) -> Any:
        """See a call begin, before it waits for a slot. What this returns is given to `ended`.

        `headers` may be added to: the call is sent with them.
        """

    def ended(self, token: Any, call: TargetCall) -> None:
        """See the call end."""


class TargetObservers:
    """Several observers, seen as one. An observer that fails is logged and does no harm to a call."""

    def __init__(self, observers: Sequence[TargetObserver]) -> None:
        self._observers = tuple(observers)
        self._logged: set[tuple[type, type]] = set()

    def started(self, request: TargetRequest, headers: dict[str, str]) -> list[Any]:
        """Return what each observer has returned, in order."""
        return [self._guarded(observer, observer.started, request, headers) for observer in self._observers]

    def ended(self, tokens: list[Any], call: TargetCall) -> None:
        """Give each observer what it had returned."""
        for observer, token in zip(self._observers, tokens, strict=True):
            self._guarded(observer, observer.ended, token, call)

    def _guarded(self, observer: TargetObserver, method: Any, *arguments: Any) -> Any:
        try:
            return method(*arguments)
        except Exception as error:  # noqa: BLE001  # an observer may raise anything
            # One that every call meets must not fill the log.
            kind = (type(observer), type(error))
            if kind not in self._logged:
                self._logged.add(kind)
                _log.exception("an observer of calls to targets failed; errors like this are logged once")
            return None

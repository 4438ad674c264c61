"""Lets other parts observe calls to targets, such as logs and metrics."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from actiond.actions.ports import TargetRequest
from actiond.delivery.outcomes import TargetCall

_log = logging.getLogger(__name__)


class TargetObserver(Protocol):
    """Is notified when a call begins and ends, on the event loop. Its methods must not block."""

    def started(self, request: TargetRequest, headers: dict[str, str]) -> Any:
        """Observe that a call begins, before it waits for a slot. The returned token is passed to `ended`.

        headers: sent with the call; the observer may add to them.
        """

    def ended(self, token: Any, call: TargetCall) -> None:
        """Observe that the call has ended."""


class TargetObservers:
    """Notifies several observers. An exception of an observer is logged and does not affect the call."""

    def __init__(self, observers: Sequence[TargetObserver]) -> None:
        self._observers = tuple(observers)
        self._logged: set[tuple[type, type]] = set()

    def started(self, request: TargetRequest, headers: dict[str, str]) -> list[Any]:
        """Notify each observer; return their tokens, in order."""
        return [self._guarded(observer, observer.started, request, headers) for observer in self._observers]

    def ended(self, tokens: list[Any], call: TargetCall) -> None:
        """Notify each observer, with the token that it returned."""
        for observer, token in zip(self._observers, tokens, strict=True):
            self._guarded(observer, observer.ended, token, call)

    def _guarded(self, observer: TargetObserver, method: Any, *arguments: Any) -> Any:
        try:
            return method(*arguments)
        except Exception as error:  # noqa: BLE001  # an observer may raise anything
            # An error that occurs at every call must not flood the log.
            kind = (type(observer), type(error))
            if kind not in self._logged:
                self._logged.add(kind)
                _log.exception("an observer of calls to targets failed; further errors of this type are not logged")
            return None

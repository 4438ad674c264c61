"""Shares the places of concurrent calls among resource owners."""

from actiond.actions.tokens import Caller
from actiond.api.permissions import BYPASS, BYPASS_HEADER
from actiond.fairness import FairShares
from rpcfront import ServicerContext

_STRANGERS = ""
"""Whose share the calls of public services take. No resource owner has an empty id."""


class CallPlaces:
    """Gives calls their places. Those that bypass executions get the last ones, so that the way back stays open.

    They have a share of their own: the owner that has taken all it may can still repair what holds its calls up.
    """

    def __init__(self, places: int) -> None:
        self._shares = FairShares(places)
        self._bypassing: dict[ServicerContext, str] = {}
        """The calls in places that are kept for them, and whose share those are of."""

    def take(self, context: ServicerContext) -> bool:
        owner = _owner(context)
        if self._shares.may_take(owner):
            self._shares.take(owner)
            return True
        share = f"{owner} {BYPASS}"
        if not _bypasses(context) or not self._shares.may_take(share, is_privileged=True):
            return False
        self._bypassing[context] = share
        self._shares.take(share)
        return True

    def share(self, context: ServicerContext) -> str:
        return _owner(context)

    def give_back(self, context: ServicerContext) -> None:
        self._shares.give_back(self._bypassing.pop(context, "") or _owner(context))


def _owner(context: ServicerContext) -> str:
    caller: Caller | None = context.caller
    return _STRANGERS if caller is None else caller.owner


def _bypasses(context: ServicerContext) -> bool:
    caller: Caller | None = context.caller
    return (
        caller is not None and caller.token.holds(BYPASS) and (BYPASS_HEADER, "true") in context.invocation_metadata()
    )

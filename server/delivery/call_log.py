"""The log of calls to targets: a line each, as text or as JSON, and never a word of what was said to whom."""

import logging
import re
from collections.abc import Callable

import orjson

from server.delivery.outcomes import Outcome, TargetCall

Style = Callable[[TargetCall], str]
"""A call as a line."""

_log = logging.getLogger("actiond.targets")

_HARMLESS = re.compile(r"[!-\[\]-~]*")
"""Printable ASCII but the space, which ends a word, and the backslash, which begins an escape."""


class CallLog:
    """To be given to the client as what observes. style: `as_text` or `as_json`."""

    def __init__(self, style: Style) -> None:
        self._style = style

    def __call__(self, call: TargetCall) -> None:
        level = logging.INFO if call.outcome is Outcome.OK else logging.WARNING
        if _log.isEnabledFor(level):
            _log.log(level, "%s", self._style(call))


def as_text(call: TargetCall) -> str:
    """`target=1 execution=request outcome=passed_over status=503 ms=1.234 error=status request_id=2`; `-` for none."""
    return (
        f"target={_word(call.target_id)} execution={_word(call.execution)} outcome={_outcome(call)} "
        f"status={call.status or '-'} ms={call.seconds * 1000:.3f} error={_error(call) or '-'} "
        f"request_id={_word(call.request_id)}"
    )


def as_json(call: TargetCall) -> str:
    """The same as a JSON object; what there is none of is null."""
    return orjson.dumps(
        {
            "target": call.target_id,
            "execution": call.execution,
            "outcome": _outcome(call),
            "status": call.status,
            "ms": round(call.seconds * 1000, 3),
            "error": _error(call),
            "request_id": call.request_id,
        }
    ).decode()


def _outcome(call: TargetCall) -> str:
    """For the execution, beside the kind of error: whether it went on."""
    if call.outcome is Outcome.OK:
        return "ok"
    return "passed_over" if call.is_passed_over else "failed"


def _error(call: TargetCall) -> str | None:
    return None if call.outcome is Outcome.OK else call.outcome.value


def _word(text: str) -> str:
    """One word, whatever a client or an operator has put into it: an execution's key may hold any character."""
    if _HARMLESS.fullmatch(text):
        return text or "-"
    return text.encode("unicode_escape").decode().replace(" ", "\\x20")

"""The log of calls to targets: a line each, as text or as JSON, and never a word of what was said to whom."""

import logging
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import orjson

from actiond.delivery.outcomes import Outcome, TargetCall

Style = Callable[[float, TargetCall], bytes]
"""Time (seconds since 1970) and call as a line."""
Put = Callable[[Callable[[], bytes]], object]
"""Takes what makes a line, and writes it without holding up whoever hands it over."""

_HARMLESS = re.compile(r"[!-\[\]-~]*")
"""Printable ASCII but the space, which ends a word, and the backslash, which begins an escape."""


class CallLog:
    """To be given to the client as what observes. style: `as_text` or `as_json`.

    least: the logging level that is worth a line. A call that went well is INFO, any other a WARNING.
    """

    def __init__(self, put: Put, style: Style, least: int) -> None:
        self._put = put
        self._style = style
        self._least = least

    def __call__(self, call: TargetCall) -> None:
        if (logging.INFO if call.outcome is Outcome.OK else logging.WARNING) >= self._least:
            self._put(partial(self._style, time.time(), call))


def as_text(moment: float, call: TargetCall) -> bytes:
    """`<time> target=1 execution=request outcome=ok status=200 ms=1.234 error=- request_id=2`; `-` for none."""
    return (
        f"{_time(moment)} target={_word(call.target_id)} execution={_word(call.execution)} outcome={_outcome(call)} "
        f"status={call.status or '-'} ms={call.seconds * 1000:.3f} error={_error(call) or '-'} "
        f"request_id={_word(call.request_id)}\n"
    ).encode()


def as_json(moment: float, call: TargetCall) -> bytes:
    """The same as a JSON object; what there is none of is null."""
    return orjson.dumps(
        {
            "time": _time(moment),
            "target": call.target_id,
            "execution": call.execution,
            "outcome": _outcome(call),
            "status": call.status,
            "ms": round(call.seconds * 1000, 3),
            "error": _error(call),
            "request_id": call.request_id,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _time(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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

"""What of a client's outcomes, as web/features.js reports them, counts as which feature.

A verdict answers `yes`, or in a few words what is missing; any other outcome is a fault and raises AssertionError. It
goes by what was seen alone and does not know which client it is about.
"""

from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from google.protobuf import json_format

from tests.real_clients.calls import failure

Outcome = dict[str, Any]
Verdict = Callable[[Outcome], str]

YES = "yes"
SENT = b"\xfb\xff\x00\xfe"  # as in web/features.js
CANCELLED, INVALID_ARGUMENT, DEADLINE_EXCEEDED = 1, 3, 4


def _unary(outcome: Outcome) -> str:
    assert outcome == {"messages": [{"number": 1}]}
    return YES


def _stream(outcome: Outcome) -> str:
    assert outcome["messages"] == _numbered(3)
    assert "failure" not in outcome
    assert outcome["inside"]["how"] == "RETURNED"
    assert outcome["beforeRelease"] in {0, 1}
    return YES if outcome["beforeRelease"] else "yes, all messages at its end"


def _rich_error(messages: int) -> Verdict:
    def verdict(outcome: Outcome) -> str:
        assert outcome["messages"] == _numbered(messages)
        told, sent = outcome["failure"], json_format.MessageToDict(failure())
        assert (told["code"], told["details"]) == (sent["code"], sent["details"])
        assert told["message"] in {sent["message"], _percent_encoded(sent["message"])}
        return YES if told["message"] == sent["message"] else "yes, its text left percent-encoded"

    return verdict


def _deadline(messages: int) -> Verdict:
    def verdict(outcome: Outcome) -> str:
        assert outcome["failure"]["code"] == DEADLINE_EXCEEDED
        assert len(outcome["messages"]) <= messages
        assert outcome["inside"]["how"] == "CANCELLED"
        seconds_left = outcome["inside"].get("secondsLeft")
        if seconds_left is None:
            return "by the client: it sends none"
        assert 0 < seconds_left <= 1.5  # DEADLINE of web/features.js
        return YES

    return verdict


def _cancellation(outcome: Outcome) -> str:
    assert outcome["inside"]["how"] == "CANCELLED"
    assert outcome.get("failure", {"code": CANCELLED})["code"] == CANCELLED
    return YES


def _metadata_out(outcome: Outcome) -> str:
    sent = {"sent": b64encode(SENT).decode()}
    if outcome["bytes"].items() >= sent.items():
        return YES
    assert outcome["bytes"]["failure"]["code"] == INVALID_ARGUMENT
    assert outcome["text"].items() >= sent.items()
    return "as base64 text"


def _metadata_in(outcome: Outcome) -> str:
    seen = outcome.get("text") or outcome["bytes"]
    kinds = set()
    for side, value in {"initial": SENT, "trailing": SENT[::-1]}.items():
        ((kind, shown),) = seen[side].items()
        assert b64decode(shown + "=" * (-len(shown) % 4)) == value
        kinds.add(kind)
    assert len(kinds) == 1
    return YES if kinds == {"bytes"} else "as base64 text"


def _numbered(messages: int) -> list[dict[str, int]]:
    return [{"number": number} for number in range(1, messages + 1)]


def _percent_encoded(text: str) -> str:
    return quote(text, safe=" !\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~")


FEATURES: dict[str, tuple[str, Verdict]] = {
    "unary": ("unary", _unary),
    "server stream": ("stream", _stream),
    "rich error": ("richError", _rich_error(0)),
    "rich error in mid-stream": ("streamRichError", _rich_error(2)),
    "deadline": ("deadline", _deadline(0)),
    "deadline of a stream": ("streamDeadline", _deadline(1)),
    "cancellation": ("cancellation", _cancellation),
    "cancellation of a stream": ("streamCancellation", _cancellation),
    "binary metadata, sent": ("binaryMetadata", _metadata_out),
    "binary metadata, received": ("binaryMetadata", _metadata_in),
}
"""By its name in the table: which of the outcomes shows it, and the verdict."""

"""Hooks of schemathesis, which imports this file: they keep from a server what no OpenAPI document can rule out."""

import re
from typing import Any

import schemathesis
from schemathesis import GenerationMode

URL = "https://example.com/hook"
STABLE = ("/v2/", "/v2beta/")


@schemathesis.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Not the two members of a oneof in one query, not an Any, whose type is known to the server alone.

    Nor a condition that names nothing, which the domain refuses by the original's own error and no rule of the proto;
    nor a match condition of a function or an event, which the domain refuses;
    nor OPTIONS where a path of its own is also that of a target or key called "search", so that Allow rightly names
    more; nor what is valid for a target or a condition that is not there, which v2 refuses with 400 and not 404.
    """
    if case.method == "OPTIONS" and case.path.endswith(("/targets/search", "/publickeys/search")):
        return False
    if case.path.startswith(STABLE) and _is_valid(case) and _fails_in_v2(case):
        return False
    if _holds_empty_condition(case.body) or _has_no_match_condition(case):
        return False
    query = set(case.query or ())
    conditions = [name for name in query if name.startswith("condition.")]
    return not _holds_any(case.body) and not {"oa", "ob"} <= query and len(conditions) <= 1


@schemathesis.hook
def map_case(_context: Any, case: Any) -> Any:
    """A target's endpoint is held to a CEL rule, which JSON Schema has no word for; a page to the domain's limit.

    Durations of v2 have an upper bound, and a timeout is not 0 by the original's own error.

    A page token is one that the server has made, and a match condition one that is valid CEL. A number in an event's
    payload is none that may have been rounded.
    """
    (case.query or {}).pop("pageToken", None)
    if isinstance(case.body, dict) and isinstance(case.body.get("match"), str) and len(case.body["match"]) <= 4000:
        case.body["match"] = "true"
    if case.path.startswith("/v1/events"):
        case.body = _exact(case.body)
    endpoint = case.body.get("endpoint") if isinstance(case.body, dict) else None
    if isinstance(endpoint, str) and 1 <= len(endpoint) <= (2048 if case.path.startswith("/v2/") else 1000):
        case.body["endpoint"] = URL
    if case.path.startswith(STABLE) and isinstance(case.body, dict):
        _let_last(case.body, is_new=case.path.endswith("/targets"))
    for page in ("query", "pagination"):
        query = case.body.get(page) if isinstance(case.body, dict) else None
        if isinstance(query, dict) and 1000 < _number(query.get("limit")) < 2**32:
            query["limit"] = 1000
    return case


def _let_last(body: dict[str, Any], *, is_new: bool) -> None:
    """Bring the durations of a target of v2 within their bounds; a new one has a timeout."""
    timeout = body.get("timeout")
    if (timeout is None and is_new) or _is_duration(timeout):
        body["timeout"] = "1s"
    if _is_duration(body.get("expirationSigningKey")):
        body["expirationSigningKey"] = "0s"


def _is_duration(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?[0-9]+(\.[0-9]{1,9})?s", value, re.ASCII) is not None


def _is_valid(case: Any) -> bool:
    return case.meta is None or bool(case.meta.generation.mode == GenerationMode.POSITIVE)


def _fails_in_v2(case: Any) -> bool:
    """Return whether a call of v2 needs what is not there: a key, the target of one, or a condition."""
    if case.method == "PUT":
        return not isinstance(case.body, dict) or case.body.get("condition") is None
    return bool(case.method == "POST" and case.path.endswith(("/publickeys", "activate")))


def _number(value: Any) -> float:
    """Of all spellings of a number that a body may have; 0 for what is none."""
    spelled = isinstance(value, str) and value.isascii() and value.isdigit()
    return float(value) if spelled or type(value) in (int, float) else 0


def _exact(value: Any) -> Any:
    """Return a body without numbers that a double may have rounded."""
    if isinstance(value, dict):
        return {name: _exact(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_exact(item) for item in value]
    return 0 if type(value) in (int, float) and 2**53 <= abs(value) < 2**64 else value


def _has_no_match_condition(case: Any) -> bool:
    """Return whether a call is about a match condition of no execution, or of one that has none."""
    if not case.path.endswith(":condition"):
        return False
    condition = case.body.get("condition") if isinstance(case.body, dict) else None
    named = {name for name, value in condition.items() if value is not None} if isinstance(condition, dict) else set()
    asked = {name.split(".")[1]: value for name, value in (case.query or {}).items() if name.startswith("condition.")}
    if case.method == "GET" and not any(value not in (None, "", False, "false") for value in asked.values()):
        return True  # in a query, no parameter alone is required
    return bool({"function", "event"} & (named | asked.keys()))


def _holds_empty_condition(value: Any) -> bool:
    if isinstance(value, list):
        return any(map(_holds_empty_condition, value))
    if not isinstance(value, dict):
        return False
    for kind in ("request", "response", "event"):
        part = value.get(kind)
        if isinstance(part, dict) and not any(
            part.get(name) for name in ("method", "service", "event", "group", "all")
        ):
            return True
    return any(map(_holds_empty_condition, value.values()))


def _holds_any(value: Any) -> bool:
    if isinstance(value, dict):
        return "@type" in value or any(map(_holds_any, value.values()))
    return isinstance(value, list) and any(map(_holds_any, value))

"""The forms of answers over HTTP, but for gRPC-Web's. Each raises MalformedError, or says what was told."""

from collections.abc import Iterable
from typing import Any

from google.protobuf import any_pb2, json_format
from google.rpc import status_pb2

from tests.fuzz import due
from tests.fuzz.cases.inputs import HttpInput
from tests.fuzz.readings import json_response, padded, require, response, strict_json, unpadded
from tests.fuzz.senders.answers import HttpAnswer, Told

# The HTTP status of each code, as google/rpc/code.proto says, and those that HTTP has a more exact word for.
HTTP_STATUS = dict(
    zip(range(1, 17), (499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401), strict=True)
)
EXACT = ((3, 415), (4, 408), (8, 413), (12, 405))
# Connect's own table has no more exact words, but for what is no call at all.
CONNECT_EXACT = ((2, 415), (2, 405))
REFUSAL_TYPE = "application/json; charset=utf-8"
"""Of what is no call: clients of other protocols must not take it for an error of Connect's."""
CONNECT_CODES = {
    name: number
    for number, name in enumerate(
        (
            "canceled",
            "unknown",
            "invalid_argument",
            "deadline_exceeded",
            "not_found",
            "already_exists",
            "permission_denied",
            "resource_exhausted",
            "failed_precondition",
            "aborted",
            "out_of_range",
            "unimplemented",
            "internal",
            "unavailable",
            "data_loss",
            "unauthenticated",
        ),
        start=1,
    )
}


def nothing(_request: HttpInput, answer: HttpAnswer) -> Told:
    require(not answer.body and not answer.values("content-type"), "204 has no content", answer)
    return Told(due.NOTHING, 0)


def probe(_request: HttpInput, answer: HttpAnswer) -> Told:
    strict_json(answer.body or b"{}")
    return Told(due.PROBE, 0)


def _is_head(request: HttpInput, answer: HttpAnswer) -> bool:
    """Whether there is no body to look at."""
    require(request.method != "HEAD" or not answer.body, "the answer to HEAD has no body", answer.body)
    return request.method == "HEAD"


def page(request: HttpInput, answer: HttpAnswer) -> Told:
    require(answer.values("content-type") == ["application/json"], "an error is JSON", answer)
    statuses = [*HTTP_STATUS.items(), *EXACT]
    if _is_head(request, answer):
        return Told(due.PAGE, _code_of(answer, statuses))
    status = _status(answer.body)
    require((status.code, answer.status) in statuses, "the HTTP status goes with the code", status.code, answer)
    return Told(due.PAGE, status.code, status.message, details=status)


def _code_of(answer: HttpAnswer, statuses: Iterable[tuple[int, int]]) -> int:
    """The first code that an HTTP status may stand for."""
    return next(code for code, status in statuses if status == answer.status)


def _status(body: bytes) -> status_pb2.Status:
    """google.rpc.Status in JSON, with its three keys always there."""
    page = strict_json(body)
    require(isinstance(page, dict) and list(page) == ["code", "message", "details"], "an error has three keys", body)
    status = status_pb2.Status(code=page["code"], message=page["message"])
    status.details.extend(map(_detail, page["details"]))
    require(status.code in HTTP_STATUS, "an error has a code from 1 to 16", body)
    return status


def _detail(detail: dict[str, Any]) -> any_pb2.Any:
    """A detail, or the bytes of one whose type nobody knows, or whose bytes are not of it."""
    try:
        return json_format.ParseDict(dict(detail), any_pb2.Any())
    except (json_format.ParseError, TypeError):
        require(list(detail) == ["@type", "value"], "a detail is of its type, or base64", detail)
        return any_pb2.Any(type_url=detail["@type"], value=padded(detail["value"].encode()))


def connect_error(request: HttpInput, answer: HttpAnswer) -> Told:
    kind = REFUSAL_TYPE if answer.status in {status for _, status in CONNECT_EXACT} else "application/json"
    require(answer.values("content-type") == [kind], "Connect's error is JSON", answer)
    found = due.rpc(request) is not None and b"%" not in request.path
    # A path that nobody serves is 404 whatever the protocol says of it.
    statuses = [*HTTP_STATUS.items(), *CONNECT_EXACT, *([] if found else [(12, 404)])]
    if _is_head(request, answer):
        return Told(due.CONNECT_ERROR, _code_of(answer, statuses))
    status = connect_status(strict_json(answer.body))
    require((status.code, answer.status) in statuses, "the HTTP status goes with the code", answer)
    return Told(due.CONNECT_ERROR, status.code, status.message, details=status)


def connect_status(error: Any) -> status_pb2.Status:
    """What an error in Connect's form says."""
    require(
        isinstance(error, dict) and set(error) <= {"code", "message", "details"},
        "Connect's error has no other keys",
        error,
    )
    require(error["code"] in CONNECT_CODES, "Connect's error has one of its codes", error)
    status = status_pb2.Status(code=CONNECT_CODES[error["code"]], message=error.get("message", ""))
    for detail in error.get("details", []):
        require(set(detail) - {"debug"} == {"type", "value"}, "Connect's detail has a type and a value", detail)
        require("/" not in detail["type"], "Connect's detail names its type without a host", detail)
        status.details.add(type_url=f"type.googleapis.com/{detail['type']}", value=unpadded(detail["value"]))
    return status


def json(request: HttpInput, answer: HttpAnswer) -> Told:
    if _is_head(request, answer):
        return Told(due.JSON, 0)
    strict_json(answer.body)
    return Told(due.JSON, 0, messages=(json_response(request, answer.body),))


def lines(request: HttpInput, answer: HttpAnswer) -> Told:
    if _is_head(request, answer):
        return Told(due.LINES, 0)
    messages: list[bytes] = []
    status = status_pb2.Status()
    for part in answer.parts:
        require(part.endswith(b"\n") or not part, "a stream is flushed line by line", part)
    for line in answer.body.split(b"\n")[:-1]:
        require(not status.code, "nothing follows the line of an error", answer.body)
        document = strict_json(line)
        if isinstance(document, dict) and list(document) == ["error"]:
            status = _status(line.removeprefix(b'{"error":').removesuffix(b"}"))
        else:
            messages.append(json_response(request, line))
    return Told(due.LINES, status.code, status.message, tuple(messages), status if status.code else None)


def raw(request: HttpInput, answer: HttpAnswer) -> Told:
    _is_head(request, answer)
    return Told(due.RAW, 0)


def proto(request: HttpInput, answer: HttpAnswer) -> Told:
    method = due.rpc(request)
    assert method is not None
    return Told(due.PROTO, 0, messages=(response(method, answer.body),))

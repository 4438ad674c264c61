"""Errors that targets forward: which responses do, and what a client sees of them over every protocol."""

import json

import pytest
from google.rpc import code_pb2

from actiond.executions.forwarded_errors import MAX_MESSAGE_LENGTH, forwarded_error
from tests.executions.api import Api, condition, names, target
from tests.support.targets.answers import ok
from tests.support.targets.server import TargetServer

READ: dict[str, tuple[object, tuple[int, str] | None]] = {
    "both": ({"forwardedStatusCode": 404, "forwardedErrorMessage": "gone"}, (404, "gone")),
    "the status alone": ({"forwardedStatusCode": 409}, (409, "")),
    "the message alone": ({"forwardedErrorMessage": "no"}, (0, "no")),
    "a status that is no number": ({"forwardedStatusCode": "404", "forwardedErrorMessage": "x"}, (0, "x")),
    "a status that is a truth": ({"forwardedStatusCode": True}, (0, "")),
    "a message that is no text": ({"forwardedStatusCode": 400, "forwardedErrorMessage": ["x"]}, (400, "")),
    "a long message": ({"forwardedErrorMessage": "x" * 5_000}, (0, "x" * MAX_MESSAGE_LENGTH)),
    "keys of something inside": ({"request": {"forwardedStatusCode": 404}}, None),
    "other keys": ({"name": "forwarded"}, None),
    "a list": (["forwardedStatusCode", "forwarded"], None),
}


@pytest.mark.parametrize("case", READ)
def test_what_a_body_forwards(case: str) -> None:
    document, expected = READ[case]
    found = forwarded_error(json.dumps(document).encode())
    assert (None if found is None else (found.status, found.message)) == expected


def test_a_body_that_is_no_json_forwards_nothing() -> None:
    assert forwarded_error(b'{"forwardedStatusCode": 404') is None
    assert forwarded_error(b"") is None


def said(status: int, message: str) -> dict[str, object]:
    return {"forwardedStatusCode": status, "forwardedErrorMessage": message}


FORWARDED: dict[str, tuple[dict[str, object], int, str]] = {
    "400": (said(400, "a"), code_pb2.INVALID_ARGUMENT, "a (EXEC-reUaUZCzCp)"),
    "401": (said(401, "b"), code_pb2.UNAUTHENTICATED, "b (EXEC-reUaUZCzCp)"),
    "403": (said(403, "c"), code_pb2.PERMISSION_DENIED, "c (EXEC-reUaUZCzCp)"),
    "404": (said(404, "ü\r\nx: y"), code_pb2.NOT_FOUND, "ü\r\nx: y (EXEC-reUaUZCzCp)"),
    "409": (said(409, "e"), code_pb2.ALREADY_EXISTS, "e (EXEC-reUaUZCzCp)"),
    "429": (said(429, "f"), code_pb2.RESOURCE_EXHAUSTED, "f (EXEC-reUaUZCzCp)"),
    "418": (said(418, "g"), code_pb2.UNKNOWN, "g (EXEC-reUaUZCzCp)"),
    "503": (said(503, "h"), code_pb2.FAILED_PRECONDITION, "h (EXEC-bmhNhpcqpF)"),
    "a message alone": ({"forwardedErrorMessage": "i"}, code_pb2.FAILED_PRECONDITION, "i (EXEC-bmhNhpcqpF)"),
    "a status alone": (
        {"forwardedStatusCode": 403},
        code_pb2.PERMISSION_DENIED,
        "Execution failed (EXEC-reUaUZCzCp)",
    ),
}
"""What a target says, and the code and the message that the call ends with."""


@pytest.mark.parametrize("kind", ["webhook", "call"])
@pytest.mark.parametrize("case", FORWARDED)
async def test_a_forwarded_error_ends_the_call_before_the_method_runs(
    case: str, kind: str, any_api: Api, receiver: TargetServer
) -> None:
    document, code, message = FORWARDED[case]
    receiver.script("/forwards", ok(json.dumps(document).encode()))
    bad = await any_api.target(receiver.url("/forwards"), kind)
    await any_api.set(condition("request"), bad, await any_api.target(receiver.url("/ok")))
    answer = await any_api.call(target("never made"))
    assert answer.end == (code, message)
    assert receiver.paths() == ["/forwards"]
    assert "never made" not in await names(any_api)


async def test_a_target_that_does_not_interrupt_forwards_nothing(any_api: Api, receiver: TargetServer) -> None:
    receiver.script("/forwards", ok(b'{"forwardedStatusCode": 404, "forwardedErrorMessage": "no"}'))
    lenient = await any_api.target(receiver.url("/forwards"), "webhook", interrupts=False)
    await any_api.set(condition("request"), lenient)
    assert (await any_api.call(target("made"))).code == 0

"""What targets make of a message: restCall changes it, restWebhook and restAsync do not."""

import json
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    CreateTargetRequest,
    GetTargetByIDRequest,
    ListExecutionServicesRequest,
)
from actiond_protos.zitadel.action.v3alpha.target_pb2 import Target

from actiond.client.signature import whsec
from tests.executions.api import FAILED, Api, condition, target
from tests.executions.protocols import SERVICE, Answer
from tests.support.services import shop
from tests.support.targets.answers import ok
from tests.support.targets.server import TargetServer

RENAMES = ok(b'{"name": "changed"}')
SERVICES = {
    "services": [
        "actiond.v1.DeliveryService",
        "actiond.v1.ExecutionService",
        shop.SERVICE,
        "zitadel.action.v2.ActionService",
        "zitadel.action.v2beta.ActionService",
        SERVICE,
    ]
}


async def create(api: Api, name: str = "sent") -> Target:
    """What is stored by a call that runs its executions."""
    return await stored(api, await api.call(target(name)))


async def stored(api: Api, answer: Answer) -> Target:
    assert answer.code == 0, answer.status
    found: Target = (await api.look(GetTargetByIDRequest(target_id=answer.response.id))).target
    return found


def told(receiver: TargetServer, what: str = "request") -> list[Any]:
    """The messages that targets received."""
    return [json.loads(request.body)[what] for request in receiver.requests]


async def test_the_method_gets_the_request_that_a_target_has_changed(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/rename", RENAMES)
    await each_api.set(condition("request"), await each_api.target(receiver.url("/rename"), "call"))
    assert (await create(each_api)).name == "changed"


async def test_the_caller_gets_the_response_that_a_target_has_changed(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/change", ok(b'{"services": ["one", "two"]}'))
    created = await each_api.target(receiver.url("/change"), "call")
    await each_api.set(condition("response", "ListExecutionServices"), created)
    answer = await each_api.call(ListExecutionServicesRequest())
    assert list(answer.response.services) == ["one", "two"]
    assert told(receiver, "response") == [SERVICES]


async def test_a_field_that_the_answer_does_not_name_stays(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/rename", RENAMES)
    await each_api.set(condition("request"), await each_api.target(receiver.url("/rename"), "call"))
    answer = await each_api.call(target("sent", "call", seconds=1.5))
    kept = await stored(each_api, answer)
    sent = target("sent", "call", seconds=1.5)
    assert (kept.rest_call, kept.timeout, kept.endpoint) == (sent.rest_call, sent.timeout, sent.endpoint)


async def test_every_kind_of_field_can_be_changed(api: Api, receiver: TargetServer) -> None:
    change = b'{"restAsync": {}, "timeout": "2.5s", "endpoint": "https://example.com/other", "name": "\xc3\xbc"}'
    receiver.script("/change", ok(change))
    await api.set(condition("request"), await api.target(receiver.url("/change"), "call"))
    kept = await create(api)
    wanted = target("ü", "async", endpoint="https://example.com/other", seconds=2.5)
    assert (kept.name, kept.timeout, kept.endpoint) == (wanted.name, wanted.timeout, wanted.endpoint)
    assert kept.WhichOneof("target_type") == "rest_async"


async def test_the_next_target_gets_the_changed_message(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/a", ok(b'{"name": "from a"}'))
    receiver.script("/b", ok(b'{"timeout": "7s"}'))
    steps = [await each_api.target(receiver.url(path), "call") for path in ("/a", "/b", "/empty")]
    await each_api.set(condition("request"), *steps)
    kept = await create(each_api)
    assert [(message["name"], message["timeout"]) for message in told(receiver)] == [
        ("sent", "60s"),
        ("from a", "60s"),
        ("from a", "7s"),
    ]
    assert (kept.name, kept.timeout.seconds) == ("from a", 7)


async def test_the_response_execution_is_told_the_request_that_the_method_got(
    each_api: Api, receiver: TargetServer
) -> None:
    receiver.script("/rename", RENAMES)
    await each_api.set(condition("request"), await each_api.target(receiver.url("/rename"), "call"))
    await each_api.set(condition("response"), await each_api.target(receiver.url("/ok")))
    await create(each_api)
    assert [message["name"] for message in told(receiver)] == ["sent", "changed"]


async def test_the_signing_key_still_comes_with_a_changed_response(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/change", ok(b'{"id": "42"}'))
    await each_api.set(condition("response"), await each_api.target(receiver.url("/change"), "call"))
    answer = await each_api.call(target("sent"))
    assert answer.response.id == "42"
    assert answer.trailing["actiond-webhook-secret"] == whsec(str(answer.trailing["actiond-signing-key"]))


@pytest.mark.parametrize(
    "body",
    [b"", b" \r\n", b"{}", b'{"name": null}', b'{"unknown": {"name": "x"}}', b'{"restWebhook": {}}'],
    ids=["empty", "white space", "an empty object", "a null", "an unknown field", "what is there already"],
)
async def test_these_answers_change_nothing(body: bytes, api: Api, receiver: TargetServer) -> None:
    receiver.script("/answer", ok(body))
    await api.set(condition("request"), await api.target(receiver.url("/answer"), "call"))
    kept = await create(api)
    sent = target("sent")
    assert (kept.name, kept.timeout, kept.endpoint) == (sent.name, sent.timeout, sent.endpoint)
    assert kept.rest_webhook == sent.rest_webhook


async def test_an_answer_without_a_body_changes_nothing(each_api: Api, receiver: TargetServer) -> None:
    await each_api.set(condition("request"), await each_api.target(receiver.url("/empty"), "call"))
    assert (await create(each_api)).name == "sent"


@pytest.mark.parametrize(
    "path", ["/rename", "/invalid_json", "/array", "/size/200000", "/endless"], ids=lambda path: path[1:]
)
async def test_the_body_of_a_webhooks_answer_is_ignored(path: str, api: Api, receiver: TargetServer) -> None:
    receiver.script("/rename", RENAMES)
    receiver.script("/array", ok(b"[]"))
    await api.set(condition("request"), await api.target(receiver.url(path)))
    await api.set(condition("response"), await api.target(receiver.url("/ok")))
    assert (await create(api)).name == "sent"


async def test_the_body_of_an_async_targets_answer_is_ignored(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/rename", RENAMES)
    await each_api.set(condition("request"), await each_api.target(receiver.url("/rename"), "async"))
    assert (await create(each_api)).name == "sent"


BROKEN = {
    "a name that is too short": b'{"name": ""}',
    "a name that is too long": b'{"name": "%b"}' % (b"x" * 201),
    "an endpoint that is none": b'{"endpoint": "ftp://example.com/"}',
    "a timeout that is over before it began": b'{"timeout": "0s"}',
    "JSON that breaks off": b'{"name": ',
    "no JSON at all": b"name=changed",
    "an array": b'[{"name": "changed"}]',
    "a text": b'"changed"',
    "a null": b"null",
    "a number for a text": b'{"name": 5}',
    "a good field beside a bad one": b'{"name": "changed", "timeout": "soon"}',
    "a key that stands there twice": b'{"name": "changed", "name": "again"}',
    "bytes that are no UTF-8": b'{"name": "\xff"}',
    "two members of one choice": b'{"restCall": {}, "restAsync": {}}',
    "two objects": b'{"name": "changed"}{"name": "again"}',
}
"""Answers that are an error of their target."""


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_an_answer_that_makes_no_good_message_fails_the_call(
    body: bytes, api: Api, receiver: TargetServer
) -> None:
    receiver.script("/broken", ok(body))
    steps = [await api.target(receiver.url("/broken"), "call"), await api.target(receiver.url("/ok"))]
    await api.set(condition("request"), *steps)
    answer = await api.call(target("sent"))
    assert answer.end == FAILED
    assert receiver.paths() == ["/broken"]


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
async def test_an_answer_that_makes_no_good_message_is_ignored_whole(
    body: bytes, api: Api, receiver: TargetServer
) -> None:
    receiver.script("/broken", ok(body))
    steps = [await api.target(receiver.url(path), "call", interrupts=False) for path in ("/broken", "/empty")]
    await api.set(condition("request"), *steps)
    assert (await create(api)).name == "sent"
    assert [message["name"] for message in told(receiver)] == ["sent", "sent"]


async def test_a_broken_answer_is_the_targets_error_over_every_protocol(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/broken", ok(BROKEN["a name that is too short"]))
    await each_api.set(condition("request"), await each_api.target(receiver.url("/broken"), "call"))
    answer = await each_api.call(target("sent"))
    assert answer.end == FAILED


async def test_a_changed_response_is_held_to_its_type(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/broken", ok(b'{"services": [5]}'))
    created = await each_api.target(receiver.url("/broken"), "call", interrupts=False)
    await each_api.set(condition("response", "ListExecutionServices"), created)
    answer = await each_api.call(ListExecutionServicesRequest())
    assert list(answer.response.services) == SERVICES["services"]


async def test_a_target_cannot_lead_a_request_past_the_address_guard(api: Api, receiver: TargetServer) -> None:
    receiver.script("/change", ok(b'{"endpoint": "http://10.0.0.1/"}'))
    await api.set(condition("request"), await api.target(receiver.url("/change"), "call"))
    request: CreateTargetRequest = target("sent")
    assert (await api.call(request)).code == 3

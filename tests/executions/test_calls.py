"""What arrives at a target: a POST that is signed, with a payload that says whose call it is and what it says."""

import asyncio
import json
import time
from typing import Any
from unittest.mock import ANY

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import GetTargetByIDRequest, ListExecutionServicesRequest
from google.protobuf import json_format
from google.protobuf.message import Message

from actiond import __version__
from actiond.client.signature import HEADER, verify, whsec
from tests.executions.api import Api, condition, target
from tests.executions.protocols import SERVICE
from tests.executions.signatures import digest_by, signature_of
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.exchanges import Received
from tests.support.targets.server import TargetServer

CONTENT_TYPES = {
    "grpc": "application/grpc",
    "grpc-web": "application/grpc-web+proto",
    "connect": "application/json",
    "json": "application/json",
}
"""Of requests, by protocol."""


async def called(api: Api, receiver: TargetServer, kind: str, request: Message) -> tuple[Received, Any]:
    """What the target of an execution on this call receives, and the call's response."""
    method = type(request).DESCRIPTOR.name.removesuffix("Request")
    await api.set(condition(kind, method), await api.target(receiver.url("/ok?a=b")))
    answer = await api.call(request)
    assert answer.code == 0
    (received,) = receiver.requests
    return received, answer.response


def as_json(message: Message) -> Any:
    return json_format.MessageToDict(message)


async def test_a_target_is_called_by_post_at_its_path_with_the_headers_that_are_promised(
    each_api: Api, receiver: TargetServer
) -> None:
    received, _ = await called(each_api, receiver, "request", target("new"))
    assert (received.method, received.path) == ("POST", "/ok?a=b")
    assert received.header("Content-Type") == "application/json"
    assert received.header("User-Agent") == f"actiond/{__version__}"
    assert received.header("ZITADEL-Signature") is not None


async def test_the_key_from_the_trailing_metadata_verifies_the_signature(each_api: Api, receiver: TargetServer) -> None:
    created = await each_api.target(receiver.url("/ok"))
    await each_api.set(condition("request"), created)
    await each_api.call(target("new"))
    (received,) = receiver.requests
    signature = signature_of(received)
    assert signature.digests == [digest_by(created.key, received)]
    assert abs(int(signature.sent_at) - time.time()) < 300
    verify(received.header(HEADER), received.body, created.key)


async def test_two_targets_have_two_keys(each_api: Api) -> None:
    one, two = [await each_api.target(f"https://example.com/{number}") for number in range(2)]
    assert one.key != two.key
    assert min(len(one.key), len(two.key)) >= 32


async def test_the_key_is_in_the_trailing_metadata_of_no_other_call(each_api: Api) -> None:
    created = await each_api.target("https://example.com/hook")
    answer = await each_api.call(GetTargetByIDRequest(target_id=created.id))
    assert answer.code == 0
    assert created.key.encode() not in answer.raw
    assert whsec(created.key).encode() not in answer.raw
    assert not {"actiond-signing-key", "actiond-webhook-secret"} & answer.trailing.keys()


async def test_the_payload_of_a_request_execution(each_api: Api, receiver: TargetServer, instance: str) -> None:
    request = target("new", "call", seconds=1.5)
    received, _ = await called(each_api, receiver, "request", request)
    assert json.loads(received.body) == {
        "fullMethod": f"/{SERVICE}/CreateTarget",
        "instanceID": instance,
        "orgID": each_api.owner,
        "userID": each_api.user,
        "request": {
            "name": "new",
            "restCall": {"interruptOnError": True},
            "timeout": "1.500s",
            "endpoint": "https://example.com/hook",
        },
        "headers": {"content-type": [CONTENT_TYPES[each_api.protocol]], "host": [ANY]},
    }
    assert list(json.loads(received.body))[-2:] == ["request", "headers"]


async def test_the_payload_of_a_response_execution(each_api: Api, receiver: TargetServer, instance: str) -> None:
    request = target("new", "async")
    received, response = await called(each_api, receiver, "response", request)
    assert json.loads(received.body) == {
        "fullMethod": f"/{SERVICE}/CreateTarget",
        "instanceID": instance,
        "orgID": each_api.owner,
        "userID": each_api.user,
        "request": {"name": "new", "restAsync": {}, "timeout": "60s", "endpoint": "https://example.com/hook"},
        "response": as_json(response),
        "headers": {"content-type": [CONTENT_TYPES[each_api.protocol]], "host": [ANY]},
    }
    assert list(json.loads(received.body))[-3:] == ["request", "response", "headers"]
    assert as_json(response)["details"]["sequence"] == "1", "a 64-bit number is text in proto3 JSON"


async def test_targets_see_those_headers_that_hold_no_secret(each_api: Api, receiver: TargetServer) -> None:
    seen = {"origin": "https://a.example", "x-forwarded-for": "192.0.2.7", "x-forwarded-host": "b.example"}
    unseen = (("cookie", "secret=1"), ("x-api-key", "secret"))
    await each_api.set(condition("request"), await each_api.target(receiver.url("/ok")))
    await each_api.call(target("new"), metadata=(*seen.items(), *unseen))
    (received,) = receiver.requests
    headers = json.loads(received.body)["headers"]
    assert headers.keys() == {"content-type", "host", *seen}
    assert {name: headers[name] for name in seen} == {name: [value] for name, value in seen.items()}


@pytest.mark.parametrize("kind", ["request", "response"])
async def test_a_message_without_fields_is_an_empty_object(api: Api, receiver: TargetServer, kind: str) -> None:
    received, _ = await called(api, receiver, kind, ListExecutionServicesRequest())
    assert json.loads(received.body)["request"] == {}


async def test_text_outside_ascii_arrives_as_it_was_sent(each_api: Api, receiver: TargetServer) -> None:
    name = 'ü "\\ \u2028 \U0001f600'
    received, _ = await called(each_api, receiver, "request", target(name))
    assert json.loads(received.body)["request"]["name"] == name


async def test_the_signing_key_is_in_no_payload(each_api: Api, receiver: TargetServer) -> None:
    created = await each_api.target(receiver.url("/ok"))
    await each_api.set(condition("response"), created)
    answer = await each_api.call(target("new"))
    (received,) = receiver.requests
    for name in ("actiond-signing-key", "actiond-webhook-secret"):
        assert str(answer.trailing[name]).encode() not in received.body


@pytest.fixture(scope="session")
def instance(server: ServerProcess) -> str:
    """The server's own id: that of its default owner, whose is the admin token."""
    assert server.token is not None
    admin = Api(server, "json", server.token, "", "admin")
    return str(asyncio.run(admin.call(target("the instance"))).response.details.resource_owner)

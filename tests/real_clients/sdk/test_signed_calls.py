"""A target that an SDK has set up is called, and trusts what it receives."""

import json
from collections.abc import Iterator

import pytest

from actiond.client.signature import verify
from tests.real_clients.sdk.sdks import WITH_VERIFIER, Api, JsonObject, SdkError
from tests.support.targets.exchanges import Received
from tests.support.targets.server import TargetServer

SIGNATURE = "ZITADEL-Signature"


@pytest.fixture
def called(api: Api, receiver: TargetServer, unique: str) -> Iterator[tuple[Received, str]]:
    """What a target has received when the SDK made a call, and the signing key that the SDK was given."""
    path = f"/ok/{unique}"
    target = {"name": unique, "restWebhook": {"interruptOnError": True}, "timeout": "10s"}
    created = api.call("CreateTarget", {**target, "endpoint": receiver.url(path)})
    condition = {"request": {"method": method_of(api, "GetTarget")}}
    api.call("SetExecution", {"condition": condition, "targets": [created["id"]]})
    api.call("GetTarget", {"id": created["id"]})
    receiver.wait_until(lambda: path in receiver.paths())
    [received] = [request for request in receiver.requests if request.path == path]
    yield received, created["signingKey"]
    api.call("DeleteTarget", {"id": created["id"]})
    api.call("SetExecution", {"condition": condition, "targets": []})


def method_of(api: Api, name: str) -> str:
    return f"/zitadel.action.{api.version}.ActionService/{name}"


def test_a_target_is_called_around_a_call_of_the_sdk(api: Api, called: tuple[Received, str]) -> None:
    received, _ = called
    payload = json.loads(received.body)
    assert payload["fullMethod"] == method_of(api, "GetTarget")
    assert payload["request"]["id"]


def test_its_signature_is_that_of_the_key_that_the_sdk_was_given(called: tuple[Received, str]) -> None:
    received, key = called
    verify(received.header(SIGNATURE), received.body, key)


@pytest.mark.parametrize("api", WITH_VERIFIER, indirect=True, ids=" ".join)
def test_the_sdks_own_helper_trusts_the_call_and_no_other(api: Api, called: tuple[Received, str]) -> None:
    received, key = called
    given: JsonObject = {"body": received.body.decode(), "header": received.header(SIGNATURE), "key": key}
    api.call("VerifySignature", given)
    with pytest.raises(SdkError, match="no valid signature"):
        api.call("VerifySignature", {**given, "body": f"{given['body']} "})

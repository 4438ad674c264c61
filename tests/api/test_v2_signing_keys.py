"""Signing keys are taken out of responses for executions, and put back for callers."""

from typing import Any

import pytest
from actiond_protos.zitadel.action.v2 import action_service_pb2 as v2
from actiond_protos.zitadel.action.v2beta import action_service_pb2 as v2beta
from google.protobuf.message import Message

from actiond.api.v2.signing_keys import withhold


def responses(pb: Any) -> list[Message]:
    """Each that has keys, in which `key` is part of each key."""
    listed = pb.ListTargetsResponse()
    for number in ("1", "2"):
        listed.targets.add(id=number, name=f"name {number}", signing_key=f"key {number}")
    got = pb.GetTargetResponse()
    got.target.CopyFrom(listed.targets[0])
    return [
        pb.CreateTargetResponse(id="1", signing_key="key 1"),
        pb.UpdateTargetResponse(signing_key="key"),
        got,
        listed,
    ]


ALL = [response for pb in (v2, v2beta) for response in responses(pb)]
NAMES = [response.DESCRIPTOR.full_name for response in ALL]


@pytest.mark.parametrize("response", ALL, ids=NAMES)
def test_a_response_is_without_keys_until_they_are_put_back(response: Message) -> None:
    changed = type(response)()
    changed.CopyFrom(response)
    put_back = withhold(changed)
    assert put_back is not None
    assert b"key" not in changed.SerializeToString()
    put_back(changed)
    assert changed == response


@pytest.mark.parametrize("response", ALL, ids=NAMES)
def test_keys_are_put_back_into_a_copy_that_an_execution_has_made(response: Message) -> None:
    withheld, changed = type(response)(), type(response)()
    withheld.CopyFrom(response)
    put_back = withhold(withheld)
    assert put_back is not None
    changed.CopyFrom(withheld)
    put_back(changed)
    assert changed == response


def test_targets_that_an_execution_has_moved_keep_their_own_keys() -> None:
    response = v2.ListTargetsResponse()
    for number in ("1", "2"):
        response.targets.add(id=number, signing_key=f"key {number}")
    put_back = withhold(response)
    assert put_back is not None
    changed = v2.ListTargetsResponse(targets=[response.targets[1], response.targets[0]])
    put_back(changed)
    assert [(target.id, target.signing_key) for target in changed.targets] == [("2", "key 2"), ("1", "key 1")]


def test_a_target_that_an_execution_has_invented_gets_no_key_and_keeps_none() -> None:
    response = v2.GetTargetResponse()
    response.target.id, response.target.signing_key = "1", "key 1"
    put_back = withhold(response)
    assert put_back is not None
    response.target.id, response.target.signing_key = "2", "forged"
    put_back(response)
    assert response.target.signing_key == ""


def test_a_caller_that_may_not_see_keys_gets_none_that_an_execution_writes() -> None:
    response = v2.GetTargetResponse()
    response.target.id = "1"
    put_back = withhold(response)
    assert put_back is not None
    response.target.signing_key = "forged"
    put_back(response)
    assert response.target.signing_key == ""


def test_responses_without_keys_are_left_alone() -> None:
    assert withhold(v2.SetExecutionResponse()) is None

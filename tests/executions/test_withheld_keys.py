"""Signing keys in responses of v2 and v2beta: no execution is sent one, and the caller gets those of the targets."""

import json
from dataclasses import dataclass
from typing import Any

import pytest
from actiond_protos.zitadel.action.v2 import action_service_pb2 as v2
from actiond_protos.zitadel.action.v2beta import action_service_pb2 as v2beta
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from actiond.client.signature import whsec
from tests.executions.api import ELSEWHERE, Api, Created, add_token
from tests.executions.protocols import Answer
from tests.support.targets.answers import ok
from tests.support.targets.server import TargetServer

VERSIONS = {"v2": v2, "v2beta": v2beta}
FORGED = "a-key-that-an-execution-has-written"


@dataclass(frozen=True, slots=True)
class Stable:
    """A client of one version, and the executions around its responses."""

    api: Api
    receiver: TargetServer
    name: str

    @property
    def pb(self) -> Any:
        return VERSIONS[self.name]

    async def around(self, method: str, answer: dict[str, Any] | None = None) -> Created:
        """Let every response of the method be sent to a target, which answers so, and return that target."""
        path = f"/{self.name}/{method}"
        self.receiver.script(path, ok(b"" if answer is None else json.dumps(answer).encode()))
        created = await self.api.target(self.receiver.url(path), "call")
        await self.api.set(
            Condition(response={"method": f"/zitadel.action.{self.name}.ActionService/{method}"}), created
        )
        return created

    async def call(self, request: Message) -> Answer:
        answer = await self.api.call(request)
        assert answer.code == 0, answer.status
        return answer

    async def target(self) -> Created:
        return await self.api.target(ELSEWHERE)

    def sent(self) -> dict[str, Any]:
        """Return the response that the execution was sent, which is the only one."""
        (received,) = self.receiver.requests
        response: dict[str, Any] = json.loads(received.body)["response"]
        return response

    def was_sent(self, key: str) -> bool:
        bodies = b"".join(received.body for received in self.receiver.requests)
        return key.encode() in bodies or whsec(key).encode() in bodies


@pytest.fixture(params=VERSIONS)
def stable(any_api: Api, receiver: TargetServer, request: pytest.FixtureRequest) -> Stable:
    return Stable(any_api, receiver, request.param)


async def test_a_new_key_is_for_the_caller_alone(stable: Stable) -> None:
    await stable.around("CreateTarget")
    request = stable.pb.CreateTargetRequest(name="x", rest_async={}, timeout={"seconds": 1}, endpoint=ELSEWHERE)
    answer = await stable.call(request)
    assert stable.sent().keys() == {"id", "creationDate"}
    assert answer.response.signing_key == answer.trailing["actiond-signing-key"]
    assert not stable.was_sent(answer.response.signing_key)


async def test_a_key_that_replaces_another_is_for_the_caller_alone(stable: Stable) -> None:
    created = await stable.target()
    await stable.around("UpdateTarget")
    answer = await stable.call(stable.pb.UpdateTargetRequest(id=created.id, expiration_signing_key=Duration()))
    assert stable.sent().keys() == {"changeDate"}
    assert answer.response.signing_key == answer.trailing["actiond-signing-key"]
    assert not stable.was_sent(answer.response.signing_key)


async def test_an_update_without_a_new_key_has_none_afterwards(stable: Stable) -> None:
    created = await stable.target()
    await stable.around("UpdateTarget", {"signingKey": FORGED})
    answer = await stable.call(stable.pb.UpdateTargetRequest(id=created.id, timeout={"seconds": 1}))
    assert not answer.response.HasField("signing_key")


async def test_the_key_of_a_target_that_is_read_is_for_the_caller_alone(stable: Stable) -> None:
    created = await stable.target()
    await stable.around("GetTarget")
    answer = await stable.call(stable.pb.GetTargetRequest(id=created.id))
    assert "signingKey" not in stable.sent()["target"]
    assert answer.response.target.signing_key == created.key
    assert not stable.was_sent(created.key)


async def test_the_keys_of_a_list_are_for_the_caller_alone(stable: Stable) -> None:
    targets = [await stable.target() for _ in range(3)]
    targets.append(await stable.around("ListTargets"))
    answer = await stable.call(stable.pb.ListTargetsRequest())
    assert len(stable.sent()["targets"]) == 4
    assert {target.id: target.signing_key for target in answer.response.targets} == {
        created.id: created.key for created in targets
    }
    assert [created for created in targets if stable.was_sent(created.key)] == []


async def test_a_key_goes_with_its_target_where_an_execution_has_changed_a_list(stable: Stable) -> None:
    one, other = await stable.target(), await stable.target()
    changed = [{"id": other.id, "signingKey": FORGED}, {"id": "1", "signingKey": FORGED}, {"id": one.id}]
    await stable.around("ListTargets", {"targets": changed})
    answer = await stable.call(stable.pb.ListTargetsRequest())
    keys = [(target.id, target.signing_key) for target in answer.response.targets]
    assert keys == [(other.id, other.key), ("1", ""), (one.id, one.key)]


async def test_what_an_execution_writes_in_a_keys_place_reaches_no_reader(stable: Stable) -> None:
    created = await stable.target()
    await stable.around("GetTarget", {"target": {"id": created.id, "signingKey": FORGED}})
    reader = (await add_token(stable.api.server, stable.api.owner, "execution.target.read")).over(stable.api.protocol)
    answer = await reader.call(stable.pb.GetTargetRequest(id=created.id))
    assert answer.code == 0
    assert (answer.response.target.id, answer.response.target.signing_key) == (created.id, "")

"""One owner's client of one server: what the tests say of targets and executions, in few words."""

import asyncio
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    CreateTargetRequest,
    ListTargetsRequest,
    SetExecutionRequest,
)
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition, ExecutionTargetType
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from actiond.actions.tokens import ALL_PERMISSIONS
from actiond.actions.use_cases.tokens import Tokens
from actiond.storage.opening import open_store
from actiond.storage.urls import parse_database_url
from tests.executions.clients import Running, begin
from tests.executions.protocols import SERVICE, Answer, method_of
from tests.support.servers.actiond import ServerProcess
from tests.support.tokens import make_token
from tests.support.wire.calls import Call

PATIENT = 60.0
"""Seconds of a target's timeout that is not to pass."""
ELSEWHERE = "https://example.com/hook"
"""An endpoint that no test calls."""

FAILED = (9, "Execution failed (EXEC-dra6yamk98)")
"""How a call ends that an execution has interrupted."""
BYPASS = ("actiond-bypass-executions", "true")

_names = count(1)
_owners = count(200_000_000_000_000_001)

Metadata = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Created:
    """A target, and what it verifies calls by."""

    id: str
    key: str


@dataclass(frozen=True, slots=True)
class Api:
    """A token of an owner's, and the protocol that it is used over.

    `call` and `begin` run executions as anyone's do; the other methods, which prepare and look, run none.
    """

    server: ServerProcess
    protocol: str
    token: str
    owner: str
    user: str
    """The token's id."""

    def over(self, protocol: str) -> "Api":
        return replace(self, protocol=protocol)

    def begin(
        self, request: Message, *, seconds: float | None = None, metadata: Metadata = ()
    ) -> AbstractAsyncContextManager[Running]:
        """Sends the call; `seconds` is its deadline."""
        pairs: list[tuple[str, str | bytes]] = [("authorization", f"Bearer {self.token}"), *metadata]
        return begin(self.server, self.protocol, Call(method_of(request), request, pairs, seconds))

    async def call(self, request: Message, *, seconds: float | None = None, metadata: Metadata = ()) -> Answer:
        """A whole call."""
        async with self.begin(request, seconds=seconds, metadata=metadata) as running:
            return await running.ended()

    async def look(self, request: Message) -> Any:
        """The response to a call that runs without executions and succeeds."""
        answer = await self.call(request, metadata=(BYPASS,))
        assert answer.code == 0, answer.status
        return answer.response

    async def create(self, request: CreateTargetRequest) -> Created:
        answer = await self.call(request, metadata=(BYPASS,))
        assert answer.code == 0, answer.status
        return Created(answer.response.id, str(answer.trailing["actiond-signing-key"]))

    async def target(self, endpoint: str, kind: str = "webhook", *, interrupts: bool = True, **fields: Any) -> Created:
        """Creates one, under a name that no other has."""
        return await self.create(target(f"target {next(_names)}", kind, interrupts, endpoint=endpoint, **fields))

    async def set(self, condition: Condition, *steps: Created | Condition) -> None:
        """Sets what is called under a condition."""
        await self.look(SetExecutionRequest(condition=condition, targets=map(_step, steps)))


def _step(step: Created | Condition) -> ExecutionTargetType:
    if isinstance(step, Created):
        return ExecutionTargetType(target=step.id)
    return ExecutionTargetType(include=step)


def target(
    name: str, kind: str = "webhook", interrupts: bool = True, *, endpoint: str = ELSEWHERE, seconds: float = PATIENT
) -> CreateTargetRequest:
    """A request that breaks no rule."""
    timeout = Duration()
    timeout.FromMilliseconds(round(seconds * 1000))
    options = {} if kind == "async" else {"interrupt_on_error": interrupts}
    return CreateTargetRequest(name=name, timeout=timeout, endpoint=endpoint, **{f"rest_{kind}": options})


def condition(kind: str, method: str = "CreateTarget") -> Condition:
    """`kind` is `request` or `response`; the condition is met by this method alone."""
    return Condition(**{kind: {"method": f"/{SERVICE}/{method}"}})


def of_service(kind: str) -> Condition:
    return Condition(**{kind: {"service": SERVICE}})


def of_all(kind: str) -> Condition:
    return Condition(**{kind: {"all": True}})


async def names(api: Api) -> set[str]:
    """Of the targets that there are."""
    return {found.name for found in (await api.look(ListTargetsRequest())).result}


async def add_token(server: ServerProcess, owner: str, *permissions: str) -> Api:
    """A token of the owner's, made on the store that the server runs on; with all permissions unless some are named."""
    name = f"token-{next(_names)}"
    secret = f"the-secret-of-{name}"
    store = open_store(parse_database_url(server.database))
    try:
        token = make_token(secret, owner, permissions or (ALL_PERMISSIONS,), token_id=name)
        await Tokens(store, time.time_ns).add(token)
    finally:
        await store.close()
    return Api(server, "json", secret, owner, name)


def new_owner(server: ServerProcess) -> Api:
    """A client of an owner that has nothing yet."""
    return asyncio.run(add_token(server, str(next(_owners))))

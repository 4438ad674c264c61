"""What the executions around a call cost the event loop."""

import threading
import time
from collections.abc import Awaitable, Callable
from itertools import count
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest
from google.protobuf.message import Message

from actiond.actions.catalogue import Catalogue
from actiond.actions.conditions import parse_key
from actiond.actions.ports import AttemptResult, TargetRequest
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import NewTarget, TargetType
from actiond.actions.tokens import Caller
from actiond.actions.use_cases.executions import Executions
from actiond.actions.use_cases.targets import Targets
from actiond.api.execution_interceptor import ExecutionInterceptor
from actiond.api.matching.conditions import CelConditions
from actiond.api.message_payload import Merger
from actiond.api.method_executions import MethodExecutions
from actiond.api.served import ACTION_SERVICE
from actiond.executions.plan_cache import PlanCache
from actiond.executions.runner import Runner
from actiond.storage.memory import MemoryStore
from rpcfront import OFFLOAD_BYTES, JsonCodec
from tests.support.tokens import make_token

T = TypeVar("T")
CALLER = Caller(make_token("secret", "owner"), execution_revision=1)


class Watched(JsonCodec):
    """Remembers on which threads it encoded and decoded."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[threading.Thread] = []

    def encode(self, message: Message) -> bytes:
        self.threads.append(threading.current_thread())
        return super().encode(message)

    def decode(self, data: bytes, message: Message) -> Any:
        self.threads.append(threading.current_thread())
        return super().decode(data, message)


class Client:
    """A target that responds at once."""

    def __init__(self, answer: bytes = b"") -> None:
        self.answer = answer

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        return await use(self.answer)

    def start(self, request: TargetRequest) -> None:
        raise AssertionError

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        raise AssertionError


async def plans(target_type: TargetType) -> PlanCache:
    """An execution before and one after every call."""
    store, clock = MemoryStore(), count(1).__next__
    targets = Targets(store, clock, lambda: "1", lambda _: ("key", SigningKey(b"sealed")), lambda _: None)
    await targets.create(CALLER.actor, NewTarget("name", target_type, False, 10**9, "https://example.com/"))
    for key in ("request", "response"):
        await Executions(store, clock, Catalogue()).set(CALLER.actor, parse_key(key), ["1"])
    return PlanCache(store, CelConditions())


async def intercepted(target_type: TargetType, client: Client, codec: JsonCodec, name: str = "") -> Message:
    """The request, which is the response too, as the executions leave it."""
    merger = Merger(codec, lambda _: ())
    executions = MethodExecutions(await plans(target_type), Runner(client, 1.0, time.monotonic), merger, "instance")
    intercept = ExecutionInterceptor(executions, lambda _: None)
    context: Any = SimpleNamespace(
        caller=CALLER,
        method=ACTION_SERVICE.methods_by_name["CreateTarget"],
        request_id="r-1",
        invocation_metadata=tuple,
        header_values=lambda _: [],
        is_late=lambda: False,
        failure=lambda: None,
    )

    async def echo(request: Message, context: Any = None) -> Message:
        return request

    message: Message = await intercept(echo, CreateTargetRequest(name=name), context)
    return message


@pytest.mark.parametrize(("size", "is_offloaded"), [(10, False), (OFFLOAD_BYTES, True)])
async def test_only_a_large_message_is_encoded_on_a_thread(size: int, is_offloaded: bool) -> None:
    codec = Watched()
    await intercepted(TargetType.WEBHOOK, Client(), codec, "n" * size)
    assert len(codec.threads) == 3  # before; after, the request and the response
    assert {thread is not threading.current_thread() for thread in codec.threads} == {is_offloaded}


@pytest.mark.parametrize(("size", "is_offloaded"), [(10, False), (OFFLOAD_BYTES, True)])
async def test_only_a_large_response_is_merged_on_a_thread(size: int, is_offloaded: bool) -> None:
    codec = Watched()
    answer = b'{"endpoint": "%s"}' % (b"e" * size)
    await intercepted(TargetType.CALL, Client(answer), codec)
    decoded_on = codec.threads[1]  # the first encodes what the target is sent
    assert (decoded_on is not threading.current_thread()) == is_offloaded


async def test_a_webhooks_response_is_never_merged() -> None:
    message = await intercepted(TargetType.WEBHOOK, Client(b'{"name": "changed"}'), JsonCodec(), "kept")
    assert message == CreateTargetRequest(name="kept")

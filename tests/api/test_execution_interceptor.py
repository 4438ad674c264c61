"""What the executions around a call cost the event loop."""

import threading
from collections.abc import Callable, Sequence
from itertools import count
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest
from google.protobuf.message import Message

from actiond.actions.catalogue import Catalogue
from actiond.actions.conditions import condition_of
from actiond.actions.executions import Executions
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import NewTarget, Target, Targets, TargetType
from actiond.actions.tokens import new_token
from actiond.api.execution_interceptor import ExecutionInterceptor
from actiond.api.message_payload import Merger
from actiond.api.served import ACTION_SERVICE
from actiond.executions.plan_cache import Plans
from actiond.storage.memory import MemoryStore
from rpcfront import OFFLOAD_BYTES
from rpcfront.transcoding.json.codec import JsonCodec

T = TypeVar("T")
CALLER = new_token("1", "name", "owner", (), "secret", created_at_ns=1)


class Watched(JsonCodec):
    """Remembers on which threads it printed."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[threading.Thread] = []

    def encode(self, message: Message) -> bytes:
        self.threads.append(threading.current_thread())
        return super().encode(message)


class Client:
    """A target that answers at once, with nothing."""

    async def call(
        self,
        target: Target,
        keys: Sequence[SigningKey],
        body: bytes,
        *,
        execution: str,
        request_id: str,
        use: Callable[[bytes], T],
    ) -> T:
        return use(b"")

    def start(
        self, target: Target, keys: Sequence[SigningKey], body: bytes, *, execution: str, request_id: str
    ) -> None:
        raise AssertionError


@pytest.fixture
async def plans() -> Plans:
    """An execution before and one after every call."""
    store, clock = MemoryStore(), count(1).__next__
    targets = Targets(store, clock, lambda: "1", lambda _: ("key", SigningKey(b"sealed")), lambda _: None)
    new = NewTarget("name", TargetType.WEBHOOK, False, 10**9, "https://example.com/")
    await targets.create(CALLER, new)
    for key in ("request", "response"):
        await Executions(store, clock, Catalogue()).set(CALLER, condition_of(key), ["1"])
    return Plans(store)


@pytest.mark.parametrize(("size", "is_aside"), [(10, False), (OFFLOAD_BYTES, True)])
async def test_only_a_large_message_is_printed_on_a_thread(plans: Plans, size: int, is_aside: bool) -> None:
    codec = Watched()
    intercept = ExecutionInterceptor(plans, Client(), codec, Merger(codec, lambda _: ()), "instance")
    context: Any = SimpleNamespace(
        caller=CALLER,
        method=ACTION_SERVICE.methods_by_name["CreateTarget"],
        request_id="r-1",
        invocation_metadata=tuple,
        is_late=lambda: False,
        failure=lambda: None,
    )

    async def echo(request: Message, context: Any = None) -> Message:
        return request

    request = CreateTargetRequest(name="n" * size)
    assert await intercept(echo, request, context) is request
    assert len(codec.threads) == 3  # before; after, the request and the response
    assert {thread is not threading.current_thread() for thread in codec.threads} == {is_aside}

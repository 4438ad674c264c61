"""The service on a real gateway: who may use it, and what it does to streams that nobody goes on with."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest
from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import (
    HttpBody,
    HttpHeaders,
    ProcessingRequest,
    ProcessingResponse,
)

from actiond.actions.errors import StoreUnavailableError
from actiond.actions.use_cases.tokens import Tokens
from actiond.api.authentication import Authenticator
from actiond.api.call_places import CallPlaces
from actiond.api.ext_proc.call import Processor
from actiond.api.ext_proc.identity import IdentityRules
from actiond.api.ext_proc.methods import Methods
from actiond.api.ext_proc.notices import Notices
from actiond.api.ext_proc.servicer import EXTRA_BYTES, ExternalProcessor
from actiond.api.served import EXTERNAL_PROCESSOR
from actiond.storage.memory import MemoryStore
from rpcfront import Gateway, Limits
from tests.ext_proc.dialogue import MODES, Executions, request_fields, unchanged
from tests.support.proxied.shop import PLACE, order
from tests.support.tokens import make_token
from tests.support.wire.grpc_web import frame

PATH = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
MAX_BODY = 300_000
GOOD = "good"
"""A token with the permission."""
FIRST_MESSAGE_SECONDS = 0.3


class BrokenTokens(Tokens):
    """Those of a store that cannot be read."""

    async def authenticate(self, _authorization: str | None, /) -> Any:
        raise StoreUnavailableError


class ExecutionsOfAnyone(Executions):
    """Executions, whoever's and of whichever revision."""

    async def plan(self, owner: str, revision: int, method: str) -> Any:
        return await super().plan("owner", 5, method)


@asynccontextmanager
async def serving(
    methods: Methods, executions: Executions, kind: type[Tokens] = Tokens, places: int = 100
) -> AsyncIterator[int]:
    """Serve the processor with tokens `good`, and `weak`, which lacks the permission."""
    tokens = kind(MemoryStore(), lambda: 1_000)
    await tokens.add(make_token("good", "owner", ["execution.process"]))
    await tokens.add(make_token("weak", "owner", ["execution.read"]))
    processor = Processor(executions, methods, IdentityRules(), Notices(), MAX_BODY)
    servicer = ExternalProcessor(processor, FIRST_MESSAGE_SECONDS)
    gateway = Gateway(
        services=[(EXTERNAL_PROCESSOR, servicer)],
        authenticate=Authenticator(
            tokens, (EXTERNAL_PROCESSOR,), refusing_themselves={EXTERNAL_PROCESSOR: servicer.not_authenticated}
        ),
        limits=Limits(message_bytes=MAX_BODY, concurrent_calls=places),
        places=CallPlaces(places),
        extra_message_bytes={"envoy.service.ext_proc.v3.ExternalProcessor.Process": EXTRA_BYTES},
    )
    server = await gateway.listen()
    try:
        yield server.port
    finally:
        await server.drain(0)


@asynccontextmanager
async def stream(port: int, token: str | None = GOOD) -> AsyncIterator[Any]:
    """Begin a stream as Envoy does."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield begin_stream(channel, token)


def begin_stream(channel: grpc.aio.Channel, token: str | None = GOOD) -> Any:
    method: Any = channel.stream_stream(
        PATH,
        request_serializer=ProcessingRequest.SerializeToString,
        response_deserializer=ProcessingResponse.FromString,
    )
    return method(metadata=() if token is None else (("authorization", f"Bearer {token}"),), timeout=20)


def first(path: str = PLACE) -> ProcessingRequest:
    return ProcessingRequest(request_headers=HttpHeaders(headers=request_fields(path)), protocol_config=MODES)


async def ended(call: Any) -> int:
    """Return the code of a stream that has no more messages."""
    with suppress(grpc.aio.AioRpcError):
        assert await call.read() is grpc.aio.EOF
    code: grpc.StatusCode = await call.code()
    return int(code.value[0])


async def test_a_call_that_no_execution_fits_is_one_message_each_way_and_ok(methods: Methods) -> None:
    async with serving(methods, ExecutionsOfAnyone()) as port, stream(port) as call:
        await call.write(first())
        assert (await call.read()).WhichOneof("response") == "request_headers"
        assert await ended(call) == 0


async def test_a_body_of_the_limit_fits_into_a_message(methods: Methods) -> None:
    one = order(data=bytes(MAX_BODY - 10))
    body = frame(one.SerializeToString())
    async with serving(methods, ExecutionsOfAnyone(request=unchanged)) as port, stream(port) as call:
        await call.write(first())
        assert (await call.read()).WhichOneof("response") == "request_headers"
        await call.write(ProcessingRequest(request_body=HttpBody(body=body, end_of_stream=True)))
        assert (await call.read()).WhichOneof("response") == "request_body"
        assert await ended(call) == 0


async def test_a_body_over_the_limit_is_refused_by_an_answer(methods: Methods) -> None:
    async with serving(methods, ExecutionsOfAnyone(request=unchanged)) as port, stream(port) as call:
        await call.write(first())
        await call.read()
        await call.write(ProcessingRequest(request_body=HttpBody(body=frame(bytes(MAX_BODY + 1)), end_of_stream=True)))
        assert (await call.read()).immediate_response.grpc_status.status == 8
        assert await ended(call) == 0


@pytest.mark.parametrize(
    ("token", "kind", "reason"),
    [
        (None, Tokens, "TokenMissingError"),
        ("wrong", Tokens, "TokenInvalidError"),
        ("weak", Tokens, "PermissionMissingError"),
        ("good", BrokenTokens, "StoreUnavailableError"),
    ],
)
async def test_a_stream_without_a_caller_is_refused_by_an_answer_and_a_line_in_the_log(
    methods: Methods, caplog: pytest.LogCaptureFixture, token: str | None, kind: type[Tokens], reason: str
) -> None:
    executions = ExecutionsOfAnyone(request=unchanged)
    async with serving(methods, executions, kind) as port, stream(port, token) as call:
        await call.write(first())
        refusal = (await call.read()).immediate_response
        assert (refusal.grpc_status.status, refusal.status.code) == (14, 200)
        assert await ended(call) == 0
    assert executions.planned == []
    (record,) = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert "grpc_service.initial_metadata" in record.getMessage()
    assert reason in record.getMessage()
    assert PLACE in record.getMessage()


@pytest.mark.parametrize("token", ["good", None])
async def test_a_stream_without_a_first_message_ends(methods: Methods, token: str | None) -> None:
    async with serving(methods, ExecutionsOfAnyone()) as port, stream(port, token) as call:
        assert await ended(call) == 4


async def test_a_stream_that_goes_on_may_be_silent_for_longer(methods: Methods) -> None:
    async with serving(methods, ExecutionsOfAnyone(request=unchanged)) as port, stream(port) as call:
        await call.write(first())
        await call.read()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(call.read())), FIRST_MESSAGE_SECONDS + 0.7)


async def test_a_stream_that_envoy_ends_at_once_is_ok(methods: Methods) -> None:
    async with serving(methods, ExecutionsOfAnyone()) as port, stream(port) as call:
        await call.done_writing()
        assert await ended(call) == 0


async def test_a_stream_that_envoy_leaves_cancels_its_execution(methods: Methods) -> None:
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(_message: Any) -> None:
        began.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cancelled.set()
            raise

    async with serving(methods, ExecutionsOfAnyone(request=wait)) as port, stream(port) as call:
        await call.write(first())
        await call.read()
        await call.write(ProcessingRequest(request_body=HttpBody(body=frame(b""), end_of_stream=True)))
        await began.wait()
        call.cancel()
        await asyncio.wait_for(cancelled.wait(), 10)


async def test_an_owner_holds_no_more_streams_than_its_share_of_the_places(methods: Methods) -> None:
    async with (
        serving(methods, ExecutionsOfAnyone(request=unchanged), places=16) as port,
        grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        calls = [begin_stream(channel) for _ in range(16)]
        refusals = []
        for call in calls:
            try:
                await call.write(first())
                assert (await call.read()).WhichOneof("response") == "request_headers"
            except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
                refusals.append(await call.code())
        assert 1 < len(refusals) < 16
        # A call that is refused while it is written to ends as grpc.aio's own internal error.
        assert grpc.StatusCode.RESOURCE_EXHAUSTED in refusals
        assert set(refusals) <= {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INTERNAL}
        for call in calls:
            call.cancel()

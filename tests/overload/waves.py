"""Waves: several hundred clients at once that all behave badly in the same way."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import grpc
from actiond_protos.zitadel.action.v3alpha.action_service_pb2_grpc import ActionServiceStub

from rpcfront import ConnectionLimits
from tests.overload.clients import PATIENCE, RPC, Connection, all_at_once, http_call
from tests.support.action_service.connections import Ports
from tests.support.action_service.cut_calls import CALLS
from tests.support.action_service.requests import request
from tests.support.servers.actiond import ADMIN_TOKEN
from tests.support.wire.grpc_web import parse_answer

CLIENTS = 500
STREAMS = ConnectionLimits().streams
DEADLINE_EXCEEDED = 4
NEVER_MADE = "never made"
"""How the names of targets begin that must not come to be."""

Wave = Callable[[Ports], Awaitable[None]]
"""Returns when every client is gone."""


async def stop_in_the_middle(ports: Ports) -> None:
    """Half a body, and then nothing: each is told so in the end, and its connection is closed."""

    async def client(number: int) -> None:
        call = http_call(number, NEVER_MADE)
        connection = await Connection.open(ports.http, call.half(ADMIN_TOKEN))
        status, body = await connection.answer()
        if call.path == RPC:
            assert (status, parse_answer(body).status.code) == (200, DEADLINE_EXCEEDED)
        else:
            assert (status, body.startswith(b'{"code":4,"message":"')) == (408, True)
        assert await connection.until_closed() == b""
        await connection.leave()

    await all_at_once(CLIENTS, client)


async def leave_in_the_middle(ports: Ports) -> None:
    """Half a body, and the client is gone; in turns by RST and by FIN."""

    async def client(number: int) -> None:
        connection = await Connection.open(ports.http, http_call(number, NEVER_MADE).half(ADMIN_TOKEN))
        await (connection.break_off if number % 2 else connection.leave)()

    await all_at_once(CLIENTS, client)


def ask_and_leave() -> Wave:
    """A whole request, by a client that is gone before the answer comes; in turns by RST and by FIN."""
    waves = 0

    async def wave(ports: Ports) -> None:
        nonlocal waves
        waves += 1

        async def client(number: int) -> None:
            connection = await Connection.open(ports.http, http_call(number, f"left {waves}").whole(ADMIN_TOKEN))
            await (connection.break_off if number % 2 else connection.leave)()

        await all_at_once(CLIENTS, client)

    return wave


def cancel_over_grpc() -> Wave:
    """Calls of grpcio's own client that are cancelled while they run, or before they are sent."""
    waves = 0

    def cancel(port: int, numbers: range) -> None:
        with grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
            create = ActionServiceStub(channel).CreateTarget  # type: ignore[no-untyped-call]  # generated
            metadata = (("authorization", f"Bearer {ADMIN_TOKEN}"),)
            running = []
            for number in numbers:
                message = request(f"cancelled {waves} {number}")
                running.append(create.future(message, timeout=PATIENCE, metadata=metadata))
                if number % 4:
                    running.pop(number % len(running)).cancel()
            for call in running:
                call.cancel()

    async def wave(ports: Ports) -> None:
        nonlocal waves
        waves += 1
        # A client that cancels calls while they wait for one of the connection's streams may lose one of them, and then
        # waits for it for ever when its channel is closed (grpcio 1.85).
        async with asyncio.TaskGroup() as channels:
            for first in range(0, CLIENTS, STREAMS):
                numbers = range(first, min(first + STREAMS, CLIENTS))
                channels.create_task(asyncio.to_thread(cancel, ports.grpc, numbers))

    return wave


async def stop_in_the_middle_over_grpc(ports: Ports) -> None:
    """A message that lacks its last byte, for a while: grpcio waits for it as long as the client stays."""

    async def client(number: int) -> None:
        data = CALLS["grpc"](f"{NEVER_MADE} {number}", ADMIN_TOKEN)
        connection = await Connection.open(ports.grpc, data)
        await asyncio.sleep(0.5)
        await (connection.break_off if number % 2 else connection.leave)()

    await all_at_once(CLIENTS, client)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of wave."""

    make: Callable[[], Wave]
    """For one server: the names of targets are counted on from wave to wave."""
    read_timeout: float = 20.0
    """The server's, in seconds. Long where no client waits for it, or it would cut off a client that is only slow: the
    well-behaved ones share their interpreter with hundreds of others."""


KINDS = {
    "stop in the middle": Kind(lambda: stop_in_the_middle, read_timeout=2.0),
    "leave in the middle": Kind(lambda: leave_in_the_middle),
    "ask and leave": Kind(ask_and_leave),
    "cancel over gRPC": Kind(cancel_over_grpc),
    "stop in the middle over gRPC": Kind(lambda: stop_in_the_middle_over_grpc),
}

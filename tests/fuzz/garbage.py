"""Bytes that are no request of any protocol, said to real servers, which must stay what they were."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import grpc

from tests.fuzz import oracles
from tests.fuzz.cases.dice import Dice, dice_of
from tests.fuzz.cases.generators import GENERATORS
from tests.fuzz.cases.inputs import GrpcInput, HttpInput
from tests.fuzz.cases.mutations import mutate, splice
from tests.fuzz.logs import Aside, listening
from tests.fuzz.runs import Tally
from tests.fuzz.senders import http2
from tests.fuzz.senders.answers import HttpAnswer
from tests.fuzz.senders.http1 import Connection, written
from tests.fuzz.senders.sockets import http_ports
from tests.fuzz.service import gateway
from tests.support.servers.faces import grpc_server, listener

EVERY = 25
"""After so many a well-behaved client asks whether all is well."""

_HTTP_EDGES = tuple(edge for edge in GENERATORS if edge != "grpc")
_WELL = HttpInput("GET", b"/v1/get/1", (("host", "x"),))

Blurt = Callable[[bytes], Awaitable[object]]
IsWell = Callable[[], Awaitable[bool]]


def _request(dice: Dice) -> HttpInput:
    request = GENERATORS[dice.choice(_HTTP_EDGES)](dice).input
    assert isinstance(request, HttpInput)
    # Who does not know what was asked cannot tell an answer to HEAD from one that was cut short.
    return replace(request, method="GET") if request.method == "HEAD" else request


def http1_bytes(seed: int, index: int) -> bytes:
    """One or two requests of any edge after accidents to their bytes, heads included."""
    dice = dice_of(seed, "http1", index)
    first, second = (written(_request(dice)) for _ in range(2))
    return mutate(dice, dice.choice((first, first + second, splice(dice, first, second))), most=6)


def http2_bytes(seed: int, index: int) -> bytes:
    """A call over gRPC, or one in JSON, after accidents to its frames."""
    dice = dice_of(seed, "http2", index)
    if dice.chance(0.5):
        request = GENERATORS["grpc"](dice).input
        assert isinstance(request, GrpcInput)
        path, message = "/t.v1.T/PostAll", request.messages[0] if request.messages else b""
        return http2.garbled(dice, path, http2.call(path, message))
    return http2.garbled(dice, "/v1/all", http2.post("/v1/all", _request(dice).body, "application/json"))


async def _answers_http(port: int) -> bool:
    connection = Connection(port)
    answer = await connection.call(_WELL)
    await connection.close()
    return isinstance(answer, HttpAnswer) and oracles.http(_WELL, answer).code == 0


async def _answers_grpc(port: int) -> bool:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub: Any = channel.unary_unary("/t.v1.T/PostAll")
        return bool(await stub(b"\x12\x01a", timeout=5) == b"\x12\x01a")


@asynccontextmanager
async def http1_victims() -> AsyncIterator[dict[str, tuple[Blurt, IsWell]]]:
    """The HTTP servers, to be spoken to in HTTP/1.1."""
    async with http_ports() as ports:
        yield {face: (Connection(port).blurt, partial(_answers_http, port)) for face, port in ports.items()}


async def _blurt_to_grpcio(port: int, data: bytes) -> None:
    await http2.blurt(port, http2.opening() if http2.ends_grpcio(data) else data)


async def _answers_all(port: int) -> bool:
    return await _answers_http(port) and await _answers_grpc(port)


@asynccontextmanager
async def http2_victims() -> AsyncIterator[dict[str, tuple[Blurt, IsWell]]]:
    """The servers that speak HTTP/2: grpcio, and the listener, which also knows JSON and HTTP/1.1."""
    async with grpc_server(gateway("on the loop")) as grpcio, listener(gateway("on the loop")) as port:
        yield {
            "grpcio": (partial(_blurt_to_grpcio, grpcio), partial(_answers_grpc, grpcio)),
            "listener": (partial(http2.blurt, port), partial(_answers_all, port)),
        }


VICTIMS = {"http1": (http1_bytes, http1_victims), "http2": (http2_bytes, http2_victims)}


async def run(kind: str, seed: int, indices: Iterable[int]) -> Tally:
    """Says the pieces with these numbers to servers in turns. Raises AssertionError, with the bytes, if one fails."""
    make, victims = VICTIMS[kind]
    tally = Tally()
    with listening() as aside:
        async with victims() as found:
            turns = list(found.items())
            for index in indices:
                face, (blurt, is_well) = turns[index % len(turns)]
                await _say(make(seed, index), f"{kind} garbage to {face}, seed {seed}, number {index}", blurt, aside)
                tally.inputs += 1
                tally.kinds[face] += 1
                if index % EVERY >= EVERY - len(turns):
                    assert await is_well(), f"{face} does not answer after number {index} of seed {seed}"
    return tally


async def _say(data: bytes, name: str, blurt: Blurt, aside: Aside) -> None:
    try:
        await blurt(data)
        said = aside.take()
        assert not said, said
    except (AssertionError, TimeoutError) as error:
        raise AssertionError(f"{name}: {type(error).__name__}: {error}: {data!r}") from error

"""Runs cases of an edge through the gateway's faces, in this process, and holds every answer to the rules."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.fuzz import intents, oracles, refusals
from tests.fuzz.cases.dice import dice_of
from tests.fuzz.cases.generators import GENERATORS
from tests.fuzz.cases.inputs import Case, GrpcInput
from tests.fuzz.logs import Aside, listening
from tests.fuzz.readings import require
from tests.fuzz.senders import asgi, http2_client, memory, native, wsgi
from tests.fuzz.senders.answers import Answer, GrpcAnswer, HttpAnswer, ServersOwn, Told
from tests.fuzz.senders.http1 import Connection
from tests.fuzz.senders.http2_client import Http2Connection
from tests.fuzz.service import STYLES, gateway

BOUND = 5.0
"""Seconds in which every answer must be there; most take a ten-thousandth of it."""

Send = Callable[[Any], Awaitable[Answer | None]]
"""Hands an input to a face; answers None if its client left before there was an answer."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A case whose answer broke a rule, and how to see it again."""

    edge: str
    seed: int
    index: int
    face: str
    case: object
    reason: str

    @property
    def rule(self) -> str:
        """What failures have in common that are likely to be one."""
        return f"{self.face}: {re.sub(r'/[^ ]+ failed', '', self.reason)[:100]}"

    def __str__(self) -> str:
        again = f"python -m tests.fuzz --edge {self.edge} --seed {self.seed} --only {self.index}"
        return f"{self.face}: {self.reason[:600]}\n  {self.case!r:.600}\n  again: {again}"


@dataclass(slots=True)
class Tally:
    """What came of a run."""

    inputs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    failures: dict[str, list[Failure]] = field(default_factory=dict)
    """By the rule that was broken, and the face that broke it."""


def styles_of(seed: int) -> Sequence[str]:
    """The styles in an order by the seed."""
    return [*STYLES, *STYLES][seed % len(STYLES) :]


@asynccontextmanager
async def faces(edge: str, styles: Sequence[str]) -> AsyncIterator[dict[str, Send]]:
    """What takes the inputs of an edge in turns. Behind each adapter, and the listener, are servicers of one style."""
    served = gateway(styles[1])
    server = await served.listen()
    open_connection = partial(memory.open_connection, server)
    http1, http2 = Connection(open_connection), Http2Connection(open_connection)

    async def send_http1(request: Any) -> Answer | None:
        answer = await http1.call(request)
        if answer is None:
            # What the call goes on to say when its client has left is said of this case.
            await served.wait_idle()
            return None
        return refusals.checked(request, answer)

    async def send_http2(request: Any) -> Answer | None:
        answer = await (http2_client.grpc if edge == "grpc" else http2_client.http)(http2, request)
        if answer is None:
            await served.wait_idle()
        return answer

    application = gateway(styles[2]).wsgi

    async def send_wsgi(request: Any) -> Answer:
        return wsgi.call(application, request)

    if edge == "grpc":
        yield {style: partial(native.call, gateway(style).grpc_handler) for style in STYLES} | {"listener": send_http2}
    else:
        yield {
            "asgi": partial(asgi.call, gateway(styles[0]).asgi),
            "listener, HTTP/1.1": send_http1,
            "wsgi": send_wsgi,
            "listener, HTTP/2": send_http2,
        }
    await http1.close()
    await http2.close()
    await server.drain(1)


async def _kind(send: Send, case: Case, aside: Aside) -> str:
    """What kind of answer came, once it has been found to be right. Raises whatever is wrong with it."""
    async with asyncio.timeout(BOUND):
        answer = await send(case.input)
    said = aside.take()
    require(not said, "nothing is said aside", said)
    if answer is None:
        return "no answer: the client left"
    if isinstance(answer, ServersOwn):
        require(case.intent is None, "the server hands over what is right", answer)
        return f"the server's own {answer.status}"
    told = _told(case, answer)
    if case.intent is not None:
        intents.check(case.intent, told, case.input)
    return told.kind


def _told(case: Case, answer: HttpAnswer | GrpcAnswer) -> Told:
    if isinstance(case.input, GrpcInput):
        assert isinstance(answer, GrpcAnswer)
        return oracles.native(case.input, answer)
    assert isinstance(answer, HttpAnswer)
    return oracles.http(case.input, answer)


async def run(
    edge: str, seed: int, indices: Iterable[int], senders: dict[str, Send], tally: Tally | None = None
) -> Tally:
    """Every case of the edge with these numbers, each by one of the senders in turns. A given tally grows meanwhile."""
    tally = tally or Tally()
    turns: Sequence[tuple[str, Send]] = list(senders.items())
    with listening() as aside:
        for index in indices:
            case = GENERATORS[edge](dice_of(seed, edge, index))
            face, send = turns[index % len(turns)]
            begun = time.perf_counter()
            try:
                tally.kinds[await _kind(send, case, aside)] += 1
            except Exception as error:  # noqa: BLE001  # whatever it is, it is a finding
                failure = Failure(edge, seed, index, face, case, f"{type(error).__name__}: {error}")
                tally.failures.setdefault(failure.rule, []).append(failure)
                aside.take()
            tally.inputs += 1
            tally.slowest = max(tally.slowest, time.perf_counter() - begun)
    return tally

"""The limit of calls to targets: a bare aiohttp client that posts what actiond would post, in the bench's process."""

import asyncio
import time
from array import array

import aiohttp
import uvloop

from bench.load import CallError, Sample


class PostLoad:
    """Posts `in_flight` requests at a time on persistent connections."""

    def __init__(self, url: str, body: bytes, expected: bytes, in_flight: int) -> None:
        self._url = url
        self._body = body
        self._expected = expected
        self._in_flight = in_flight

    def open(self) -> None:
        """Do nothing: a session belongs to the event loop that `run` creates."""

    def run(self, seconds: float) -> Sample:
        return uvloop.run(self._run(seconds))

    def close(self) -> None:
        """Do nothing: `run` closes its session."""

    async def _run(self, seconds: float) -> Sample:
        latencies: array[float] = array("d")
        async with aiohttp.ClientSession(headers={"content-type": "application/json"}) as session:
            begun = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(self._in_flight):
                    group.create_task(self._post(session, begun + seconds, latencies))
            return Sample(time.perf_counter() - begun, sorted(latencies))

    async def _post(self, session: aiohttp.ClientSession, deadline: float, latencies: "array[float]") -> None:
        sent = time.perf_counter()
        while sent < deadline:
            async with session.post(self._url, data=self._body) as response:
                answer = await response.read()
            if answer != self._expected:
                raise CallError(f"not the target's response: {answer!r}")
            now = time.perf_counter()
            latencies.append(now - sent)
            sent = now

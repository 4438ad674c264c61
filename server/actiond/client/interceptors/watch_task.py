"""The watch as a task of the event loop."""

import asyncio
from contextlib import suppress
from typing import Any

import grpc
from actiond_protos.actiond.v1.execution_service_pb2 import WatchExecutionsRequest

from actiond.client.interceptors.asking import Metadata
from actiond.client.interceptors.faults import Faults
from actiond.client.interceptors.rules import Rules
from actiond.client.interceptors.watching import STUCK, Pace


class WatchTask:
    """Keeps the rules up to date while calls need them."""

    def __init__(self, watch: Any, metadata: Metadata, rules: Rules, faults: Faults) -> None:
        """`watch` is the method of the stub."""
        self._watch = watch
        self._metadata = metadata
        self._rules = rules
        self._faults = faults
        self._task: asyncio.Task[None] | None = None
        self._is_closed = False

    def ensure(self) -> None:
        """Start the task unless it runs. Called in the event loop whenever actiond is asked."""
        if not self._is_closed and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._run(), name="actiond-watch")

    async def close(self) -> None:
        """End the task and wait for its end."""
        self._is_closed = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        pace = Pace(self._rules)
        while not self._is_closed:
            pace.began()
            self._rules.watch_began()
            try:
                await self._follow(pace)
            except grpc.aio.UsageError:
                self._is_closed = True  # the channel is
            except grpc.aio.AioRpcError as error:
                self._faults.watch_failed(error.code().name, error.details() or "")
            except TimeoutError:
                self._faults.watch_failed("SILENCE", f"silent for {STUCK:g} s")
            except asyncio.CancelledError:
                # Either this task is cancelled, or the stream is, since the channel was closed.
                task = asyncio.current_task()
                if task is not None and task.cancelling():
                    raise
            finally:
                self._rules.watch_ended()
            if self._is_closed or pace.is_idle():
                return
            await asyncio.sleep(pace.delay())

    async def _follow(self, pace: Pace) -> None:
        """Watch until the stream ends, or until nobody needs it."""
        stream = self._watch(WatchExecutionsRequest(), metadata=self._metadata)
        try:
            while not pace.is_idle():
                async with asyncio.timeout(STUCK):
                    message = await stream.read()
                if message is grpc.aio.EOF:
                    return
                self._rules.heard(message.revision)
        finally:
            stream.cancel()

"""Follows what other servers describe by reflection: asks each until it answers, and again when it is told to.

A server that does not answer is a warning. What it described before stays known.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from actiond.api.descriptor_sets import Definitions, DescriptorSet, DescriptorSetError
from actiond.api.known_methods import KnownMethods
from actiond.api.reflection_client import (
    Reflection,
    ReflectionError,
    ReflectionLimits,
    ReflectionServer,
    described,
    reflect,
)

_log = logging.getLogger(__name__)

START_SECONDS = 2.0
"""How long a start waits for the servers, all in all."""
MIN_DELAY, MAX_DELAY = 1.0, 60.0
"""Seconds before a server is asked again that has not answered; each time in a row doubles them. Up to half of them is
left out, at random, so that not all workers ask at once."""

Reflect = Callable[[ReflectionServer, ReflectionLimits], Awaitable[Reflection]]
"""Asks a server. Raises ReflectionError."""


class _Followed:
    """A server, and what is known of it."""

    def __init__(self, server: ReflectionServer) -> None:
        self.server = server
        self.answer: Reflection | None = None
        """What `newest` was made of."""
        self.newest: DescriptorSet | None = None
        self.used: DescriptorSet | None = None
        """The newest one that agrees with the others."""
        self.refusal: DescriptorSetError | None = None
        """Why that is not `newest`."""
        self.warned_of = ""
        self.was_asked = asyncio.Event()
        self.is_due = asyncio.Event()
        """It is to be asked at once."""


class ReflectedServices:
    """A Part, see process/parts.py. It must be used on one event loop."""

    name = "reflection client"

    def __init__(
        self,
        servers: Iterable[ReflectionServer],
        known: KnownMethods,
        sets: Sequence[DescriptorSet],
        limits: ReflectionLimits | None = None,
        ask: Reflect = reflect,
    ) -> None:
        """Take the servers, and what is to know their services.

        servers: of two that disagree, the first one counts.
        sets: which win against all of them.
        """
        self._followed = [_Followed(server) for server in dict.fromkeys(servers)]
        self._known = known
        self._sets = sets
        self._limits = limits or ReflectionLimits()
        self._ask_server = ask
        self._tasks: list[asyncio.Task[None]] = []

    def reload(self) -> None:
        """Ask every server again."""
        for followed in self._followed:
            followed.warned_of = ""
            followed.is_due.set()

    async def start(self) -> None:
        """Ask every server. Return when each has been asked, or START_SECONDS have passed."""
        self._tasks = [asyncio.create_task(self._follow(followed)) for followed in self._followed]
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                for followed in self._followed:
                    await followed.was_asked.wait()

    async def ended(self) -> None:
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        done.pop().result()

    def drain(self) -> None:
        """Do nothing: it does no call's work."""

    async def idle(self) -> None:
        """Return at once: `close` ends what is being asked."""

    async def cancel(self) -> None:
        """Do nothing, likewise."""

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, followed: _Followed) -> None:
        delay = MIN_DELAY
        while True:
            followed.is_due.clear()
            reason = await self._ask(followed)
            followed.was_asked.set()
            if reason is None:
                delay = MIN_DELAY
                await followed.is_due.wait()
                continue
            _warn(followed, reason)
            try:
                async with asyncio.timeout(delay * random.uniform(0.5, 1)):  # noqa: S311  # no secret
                    await followed.is_due.wait()
                delay = MIN_DELAY
            except TimeoutError:
                delay = min(delay * 2, MAX_DELAY)

    async def _ask(self, followed: _Followed) -> str | None:
        """Ask a server and know what it answers. Return what is wrong, beginning with its address; None if nothing."""
        server = followed.server
        try:
            answer = await self._ask_server(server, self._limits)
            if answer != followed.answer:
                newest = await asyncio.to_thread(described, server, answer)
                followed.answer, followed.newest = answer, newest
        except ReflectionError as error:
            return f"{server}: {error}"
        except DescriptorSetError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001  # no server may end this one, whatever it sends
            _log.debug("%s: has answered with something unexpected", server, exc_info=error)
            return f"{server}: has answered with something that cannot be used: {type(error).__name__}"
        self._agree(followed)
        if followed.refusal is not None:
            return str(followed.refusal)
        _log_found(followed)
        return None

    def _agree(self, asked: _Followed) -> None:
        """Know the newest of each server that agrees with the sets and with the servers before it.

        asked: the server that has just answered.

        This depends on the order of the servers and not on that of their answers, so that all workers know the same.
        """
        definitions = Definitions(self._sets)
        changed = False
        for followed in self._followed:
            used, refusal = _first_that_agrees(definitions, followed)
            if refusal is not None and followed.refusal is None and followed is not asked:
                # It is refused because of another server's answer, and may have another one by now.
                followed.is_due.set()
            changed |= used is not followed.used
            followed.used, followed.refusal = used, refusal
        if changed:
            self._known.replace_reflected(followed.used for followed in self._followed if followed.used is not None)


def _first_that_agrees(
    definitions: Definitions, followed: _Followed
) -> tuple[DescriptorSet | None, DescriptorSetError | None]:
    """Add the newest of a server's that agrees. Return it, and why the newest does not."""
    refusal = None
    for candidate in (followed.newest, followed.used):
        if candidate is None:
            continue
        try:
            definitions.add(candidate)
        except DescriptorSetError as error:
            refusal = refusal or error
        else:
            return candidate, refusal
    return None, refusal


def _warn(followed: _Followed, reason: str) -> None:
    """Warn once of each reason, as a server may be away for days."""
    level = logging.DEBUG if reason == followed.warned_of else logging.WARNING
    followed.warned_of = reason
    kept = "" if followed.used is None else " What it described before stays known."
    _log.log(level, "reflection of %s. It is asked again until that changes.%s", reason, kept)


def _log_found(followed: _Followed) -> None:
    followed.warned_of = ""
    services = {} if followed.used is None else followed.used.services
    methods = sum(len(service.methods) for service in services.values())
    _log.info("reflection of %s: services: %d, methods: %d", followed.server, len(services), methods)

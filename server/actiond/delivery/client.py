"""Calls targets: signed, bounded in time, size and number, never sent twice, and each told of once when it has ended.

It knows nothing of executions but their name, and nothing of what a body means.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ssl import SSLContext
from typing import TypeVar

import aiohttp

from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.delivery.connections import as_data, cut, open_session, read_url
from actiond.delivery.deadline import Deadline
from actiond.delivery.egress.policy import AddressGuard
from actiond.delivery.faults import FAULTS, outcome_of
from actiond.delivery.outcomes import CallFailedError, Outcome, TargetCall
from actiond.delivery.signer import Signer
from actiond.delivery.slots import Slots
from actiond.secrets.sealing import Sealer

T = TypeVar("T")

LARGE = 32 * 1024
"""Bytes from which on an answer is used on a thread: other calls would wait for it on the loop."""
LONGEST_SECONDS = 86_400
"""A target's timeout counts up to a day: a longer wait would outlive the process."""


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """What calls may take, of each worker."""

    concurrent: int = 2048
    """Calls at once; more wait, within their timeout."""
    concurrent_per_target: int = 1024
    """Of these, to one target."""
    response_bytes: int = 1_048_576
    """Of an answer's body."""
    waiting_async: int = 10_000
    """Calls that nobody waits for, running or waiting for a place; more are refused."""
    waiting_async_bytes: int = 67_108_864
    """Of their bodies together, likewise."""


class TargetClient:
    """Belongs to one event loop; opens nothing before the first call.

    observe: told of every call that has ended, on the loop. It must not block, nor raise.
    observe_started: told how many calls are under way that nobody waits for, each time that changes. The same holds.
    ssl_context: what https targets are verified by; None for the system's trust.
    """

    def __init__(
        self,
        guard: AddressGuard,
        sealer: Sealer,
        limits: DeliveryLimits,
        user_agent: str,
        observe: Callable[[TargetCall], object],
        *,
        observe_started: Callable[[int], object] | None = None,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._signer = Signer(sealer)
        self._limits = limits
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": user_agent,
            "Accept-Encoding": "identity",  # a compressed answer could be any size
        }
        self._observe = observe
        self._observe_started = observe_started
        self._ssl_context = ssl_context
        self._slots = Slots(limits.concurrent, limits.concurrent_per_target)
        self._session: aiohttp.ClientSession | None = None
        self._started: set[asyncio.Task[None]] = set()
        self._started_bytes = 0
        self._is_closed = False

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
        """What `use` makes of the answer's body, which is empty unless the target's type has a use for it.

        A ValueError of `use` makes the call a failed one (Outcome.BODY). It runs on a thread if the answer is large.

        Raises CallFailedError. Cancelled, it closes the connection at once.
        """
        began = time.perf_counter()
        outcome, status = Outcome.CANCELLED, None
        try:
            status, answer = await self._exchange(target, keys, body)
            used = await _used(answer, use, status)
            outcome = Outcome.OK
        except CallFailedError as failure:
            outcome, status = failure.outcome, failure.status
            raise
        finally:
            seconds = time.perf_counter() - began
            self._observe(_told(target, outcome, status, seconds, execution, request_id))
        return used

    def start(
        self, target: Target, keys: Sequence[SigningKey], body: bytes, *, execution: str, request_id: str
    ) -> None:
        """Calls the target without anyone waiting. Too many of these, and it is refused, which `observe` is told."""
        if self._is_closed or self._has_no_room(len(body)):
            outcome = Outcome.CANCELLED if self._is_closed else Outcome.BUSY
            self._observe(_told(target, outcome, None, 0.0, execution, request_id))
            return
        self._started_bytes += len(body)
        task = asyncio.get_running_loop().create_task(self._run(target, keys, body, execution, request_id))
        self._started.add(task)
        task.add_done_callback(self._forget)
        self._tell_of_started()

    async def wait_idle(self) -> None:
        """Until none of the calls runs that were started without anyone waiting."""
        while self._started:
            await asyncio.wait(self._started)

    async def close(self) -> None:
        """Cuts what still runs. Calls that come later fail."""
        self._is_closed = True
        await asyncio.sleep(0)  # a task that is cancelled before its first step would end unseen
        for task in self._started:
            task.cancel()
        await self.wait_idle()
        if self._session is not None:
            await self._session.close()

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._started.discard(task)
        self._tell_of_started()

    def _tell_of_started(self) -> None:
        if self._observe_started is not None:
            self._observe_started(len(self._started))

    def _has_no_room(self, size: int) -> bool:
        limits = self._limits
        return len(self._started) >= limits.waiting_async or self._started_bytes + size > limits.waiting_async_bytes

    async def _run(
        self, target: Target, keys: Sequence[SigningKey], body: bytes, execution: str, request_id: str
    ) -> None:
        try:
            await self.call(target, keys, body, execution=execution, request_id=request_id, use=bytes)
        except CallFailedError:
            """`observe` has been told."""
        finally:
            self._started_bytes -= len(body)

    async def _exchange(self, target: Target, keys: Sequence[SigningKey], body: bytes) -> tuple[int, bytes]:
        """Status and body of an answer that is a success, within the target's timeout."""
        if self._is_closed:
            raise CallFailedError(Outcome.CANCELLED)
        has_slot = False
        try:
            with Deadline(_seconds(target)) as deadline:
                await self._slots.take(target.id)
                has_slot = True
                headers = self._signer.headers(target.id, keys, body)  # not before it has a place: it is timed
                return await self._post(target, headers, body)
        except FAULTS as fault:
            # Without its cause, whose text names the address.
            raise CallFailedError(self._outcome(fault, deadline, has_slot=has_slot)) from None
        finally:
            if has_slot:
                self._slots.give_back(target.id)

    def _outcome(self, fault: BaseException, deadline: Deadline, *, has_slot: bool) -> Outcome:
        if self._is_closed:
            return Outcome.CANCELLED
        if deadline.has_passed:
            return Outcome.TIMEOUT if has_slot else Outcome.BUSY
        return outcome_of(fault)

    async def _post(self, target: Target, headers: Mapping[str, str] | None, body: bytes) -> tuple[int, bytes]:
        if self._session is None:
            self._session = open_session(self._guard, self._headers, self._ssl_context)
        url, data = read_url(target.endpoint), as_data(body)
        response = await self._session.post(url, data=data, headers=headers, allow_redirects=False)
        transport = response.connection and response.connection.transport
        try:
            if not 200 <= response.status <= 299:
                raise CallFailedError(Outcome.STATUS, response.status)
            return response.status, await self._read(response, is_used=target.type is TargetType.CALL)
        finally:
            if response.content.is_eof():
                response.release()
            else:
                cut(transport)
                response.close()

    async def _read(self, response: aiohttp.ClientResponse, *, is_used: bool) -> bytes:
        """The body. One that nobody uses is read too, to the end or the limit: then the connection can be kept."""
        limit = self._limits.response_bytes
        kept = bytearray()
        size = 0
        while chunk := await response.content.readany():
            size += len(chunk)
            if size > limit:
                if is_used:
                    raise CallFailedError(Outcome.TOO_LARGE, response.status)
                break
            if is_used:
                kept += chunk
        return bytes(kept)


async def _used(answer: bytes, use: Callable[[bytes], T], status: int) -> T:
    try:
        return use(answer) if len(answer) < LARGE else await asyncio.to_thread(use, answer)
    except ValueError:
        raise CallFailedError(Outcome.BODY, status) from None  # its text may repeat the body


def _told(
    target: Target, outcome: Outcome, status: int | None, seconds: float, execution: str, request_id: str
) -> TargetCall:
    goes_on = target.type is TargetType.ASYNC or not target.interrupt_on_error
    return TargetCall(
        target_id=target.id,
        execution=execution,
        outcome=outcome,
        status=status,
        seconds=seconds,
        # What was cut from our side ends the execution too.
        is_passed_over=goes_on and outcome not in (Outcome.OK, Outcome.CANCELLED),
        request_id=request_id,
    )


def _seconds(target: Target) -> float:
    # Compared as integers: 10,000 years of nanoseconds are.
    return min(target.timeout_ns, LONGEST_SECONDS * 1_000_000_000) / 1_000_000_000

"""Calls targets: signed, bounded in time, size and number, never sent twice.

Knows executions only by their keys, and does not interpret bodies.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, TypeVar

import aiohttp

from actiond.actions.ports import TargetRequest
from actiond.actions.targets import Target
from actiond.delivery.client_errors import CLIENT_ERRORS, outcome_of
from actiond.delivery.concurrency import ConcurrencyLimiter
from actiond.delivery.connections import as_data, cut, open_session, read_url
from actiond.delivery.deadline import Deadline
from actiond.delivery.egress.policy import AddressGuard
from actiond.delivery.observers import TargetObserver, TargetObservers
from actiond.delivery.outcomes import CallFailedError, Outcome, TargetCall
from actiond.delivery.signer import Signer

T = TypeVar("T")

MAX_TIMEOUT_SECONDS = 86_400
"""Limit on a target's timeout; a longer one is cut to this, as the process would hardly live that long."""


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """Limits on calls, per worker."""

    concurrent: int = 2048
    """Calls in progress; further ones wait for a slot, within their timeout."""
    concurrent_per_target: int = 1024
    """Calls in progress to one target; further ones wait for a slot, within their timeout."""
    response_bytes: int = 1_048_576
    """Size of a response's body."""
    background: int = 10_000
    """Background calls, in progress or waiting for a slot; further ones are refused."""
    background_bytes: int = 67_108_864
    """Total size of the bodies of background calls; further ones are refused."""


@dataclass(frozen=True, slots=True)
class Egress:
    """How calls are sent: the addresses allowed, the signer, the User-Agent header and the certificates trusted."""

    guard: AddressGuard
    signer: Signer
    user_agent: str
    ssl_context: SSLContext | None = None
    """Verifies https targets; None for the system's trust store."""


class TargetClient:
    """Calls targets, from one event loop. Opens no session before the first call."""

    def __init__(self, egress: Egress, limits: DeliveryLimits, observers: Sequence[TargetObserver] = ()) -> None:
        self._egress = egress
        self._limits = limits
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": egress.user_agent,
            "Accept-Encoding": "identity",  # a compressed response could decompress to any size
        }
        self._observers = TargetObservers(observers)
        self._limiter = ConcurrencyLimiter(limits.concurrent, limits.concurrent_per_target)
        self._session: aiohttp.ClientSession | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._background_bytes = 0
        self._is_closed = False

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        """See TargetCaller. Raise CallFailedError. If cancelled, the connection is closed at once."""
        headers: dict[str, str] = {}
        return await self._observed(request, headers, self._observers.started(request, headers), use)

    def start(self, request: TargetRequest) -> None:
        """See TargetCaller. Refuse the call, which observers see, if there are too many already."""
        headers: dict[str, str] = {}
        tokens = self._observers.started(request, headers)
        if self._is_closed or self._is_full(len(request.body)):
            outcome = Outcome.CANCELLED if self._is_closed else Outcome.BUSY
            self._observers.ended(tokens, _ended(request, outcome, None, 0.0))
            return
        self._background_bytes += len(request.body)
        task = asyncio.get_running_loop().create_task(self._run(request, headers, tokens))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def wait_idle(self) -> None:
        """Wait until no background call is in progress."""
        while self._background:
            await asyncio.wait(self._background)

    async def close(self) -> None:
        """Cancel background calls. Later calls fail."""
        self._is_closed = True
        await asyncio.sleep(0)  # a task cancelled before its first step would never notify its observers
        for task in self._background:
            task.cancel()
        await self.wait_idle()
        if self._session is not None:
            await self._session.close()

    def _is_full(self, size: int) -> bool:
        limits = self._limits
        return len(self._background) >= limits.background or self._background_bytes + size > limits.background_bytes

    async def _run(self, request: TargetRequest, headers: Mapping[str, str], tokens: list[Any]) -> None:
        try:
            await self._observed(request, headers, tokens, _ignore)
        except CallFailedError:
            """The observers have been notified."""
        finally:
            self._background_bytes -= len(request.body)

    async def _observed(
        self,
        request: TargetRequest,
        headers: Mapping[str, str],
        tokens: list[Any],
        use: Callable[[bytes], Awaitable[T]],
    ) -> T:
        began = time.perf_counter()
        outcome, status = Outcome.CANCELLED, None
        try:
            status, body = await self._exchange(request, headers)
            used = await _used(body, use, status)
            outcome = Outcome.OK
        except CallFailedError as failure:
            outcome, status = failure.outcome, failure.status
            raise
        finally:
            self._observers.ended(tokens, _ended(request, outcome, status, time.perf_counter() - began))
        return used

    async def _exchange(self, request: TargetRequest, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of a successful response, within the target's timeout."""
        if self._is_closed:
            raise CallFailedError(Outcome.CANCELLED)
        target = request.target
        has_slot = False
        try:
            with Deadline(_timeout_seconds(target)) as deadline:
                await self._limiter.acquire(target.id)
                has_slot = True
                # Signed only now: a signature contains the time.
                signature = self._egress.signer.headers(target.id, request.keys, request.body)
                return await self._post(request, {**headers, **(signature or {})})
        except CLIENT_ERRORS as error:
            # Without the cause, whose text contains the address.
            raise CallFailedError(self._outcome(error, deadline, has_slot=has_slot)) from None
        finally:
            if has_slot:
                self._limiter.release(target.id)

    def _outcome(self, error: BaseException, deadline: Deadline, *, has_slot: bool) -> Outcome:
        if self._is_closed:
            return Outcome.CANCELLED
        if deadline.has_passed:
            return Outcome.TIMEOUT if has_slot else Outcome.BUSY
        return outcome_of(error)

    async def _post(self, request: TargetRequest, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if self._session is None:
            self._session = open_session(self._egress.guard, self._headers, self._egress.ssl_context)
        url, data = read_url(request.target.endpoint), as_data(request.body)
        response = await self._session.post(url, data=data, headers=headers, allow_redirects=False)
        transport = response.connection and response.connection.transport
        try:
            if not 200 <= response.status <= 299:
                raise CallFailedError(Outcome.STATUS, response.status)
            return response.status, await self._read(response, is_used=request.target.type.uses_answer)
        finally:
            if response.content.is_eof():
                response.release()
            else:
                cut(transport)
                response.close()

    async def _read(self, response: aiohttp.ClientResponse, *, is_used: bool) -> bytes:
        """Return the body if it is used. Otherwise drain it, up to the limit, so that the connection can be reused."""
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


async def _ignore(_body: bytes) -> None:
    """Ignore the response's body."""


async def _used(body: bytes, use: Callable[[bytes], Awaitable[T]], status: int) -> T:
    try:
        return await use(body)
    except ValueError:
        raise CallFailedError(Outcome.BAD_RESPONSE, status) from None  # the cause's text may contain the body


def _ended(request: TargetRequest, outcome: Outcome, status: int | None, seconds: float) -> TargetCall:
    target = request.target
    continues = not target.type.waits or not target.interrupt_on_error
    return TargetCall(
        target_id=target.id,
        execution=request.execution,
        outcome=outcome,
        status=status,
        seconds=seconds,
        # A cancellation on our side ends the execution too.
        is_ignored=continues and outcome not in (Outcome.OK, Outcome.CANCELLED),
        request_id=request.request_id,
    )


def _timeout_seconds(target: Target) -> float:
    # Compared as integers: a timeout may be 10,000 years.
    return min(target.timeout_ns, MAX_TIMEOUT_SECONDS * 1_000_000_000) / 1_000_000_000

"""Calls targets: signed, bounded in time, size and number, never sent twice.

Knows executions only by their keys, and does not interpret bodies.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any, TypeVar

from actiond.actions.ports import AttemptResult, Obstacle, ObstacleKind, TargetRequest
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import PayloadType, Target
from actiond.delivery.client_errors import outcome_of
from actiond.delivery.concurrency import ConcurrencyLimiter
from actiond.delivery.deadline import Deadline
from actiond.delivery.egress.dialler import Dialler
from actiond.delivery.egress.policy import AddressDeniedError, AddressGuard
from actiond.delivery.egress.url import EndpointError
from actiond.delivery.http1.endpoints import read_endpoint
from actiond.delivery.http1.pool import ConnectionPool
from actiond.delivery.http1.response import BodyLimit, ResponseTooLargeError
from actiond.delivery.http1.retry_after import read_retry_after
from actiond.delivery.observers import TargetObserver, TargetObservers
from actiond.delivery.outcomes import CallFailedError, Outcome, TargetCall
from actiond.delivery.payload_encoder import PayloadEncoder
from actiond.delivery.signer import Signer
from actiond.fairness import FairShares

T = TypeVar("T")

FORWARDED_BYTES = 16 * 1024
"""Of a body that is only looked at for an error that it forwards. Of a longer one, no more is kept."""
MAX_TIMEOUT_SECONDS = 86_400
"""Limit on a target's timeout; a longer one is cut to this, as the process would hardly live that long."""
MAX_BACKGROUND_SECONDS = 300
"""Limit on the timeout of a background call. No caller waits for it, so nothing else would ever end it."""
LOOKUP_SECONDS = 2.0
"""How long a name is looked up only to say whether a call would be possible."""
ATTEMPT_HEADER = "actiond-attempt"
"""The header that carries the number of the attempt to deliver a message."""
_JSON = PayloadType.JSON  # each call asks, and an enum's members are slow to look up


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """Limits on calls, per worker."""

    concurrent: int = 2048
    """Calls in progress; further ones wait for a slot, within their timeout. Owners have fair shares."""
    concurrent_per_target: int = 1024
    """Calls in progress to one target; further ones wait for a slot, within their timeout."""
    response_bytes: int = 1_048_576
    """Size of a response's body."""
    background: int = 10_000
    """Background calls, in progress or waiting for a slot; further ones are refused. Owners have fair shares."""
    background_bytes: int = 67_108_864
    """Total size of the bodies of background calls; further ones are refused. Owners have fair shares."""


@dataclass(frozen=True, slots=True)
class Egress:
    """How calls are sent: addresses, signatures, tokens, the User-Agent header and the certificates trusted."""

    guard: AddressGuard
    signer: Signer
    user_agent: str
    ssl_context: SSLContext | None = None
    """Verifies https targets; None for the system's trust store."""
    encoder: PayloadEncoder | None = None
    """Makes tokens of payloads; None if only targets that get JSON are called."""


class TargetClient:
    """Calls targets, from one event loop. Opens no connection before the first call."""

    def __init__(self, egress: Egress, limits: DeliveryLimits, observers: Sequence[TargetObserver] = ()) -> None:
        self._signer = egress.signer
        self._encoder = egress.encoder
        self._limits = limits
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": egress.user_agent,
            "Accept": "*/*",
            "Accept-Encoding": "identity",  # a compressed response could decompress to any size
        }
        self._observers = TargetObservers(observers)
        self._limiter = ConcurrencyLimiter(limits.concurrent, limits.concurrent_per_target)
        self._dialler = Dialler(egress.guard)
        self._pool = ConnectionPool(self._dialler, egress.ssl_context)
        self._background: set[asyncio.Task[None]] = set()
        self._background_calls = FairShares(limits.background)
        self._background_bytes = FairShares(limits.background_bytes)
        self._is_closed = False

    async def call(self, request: TargetRequest, use: Callable[[bytes], Awaitable[T]]) -> T:
        """See TargetCaller. Raise CallFailedError. If cancelled, the connection is closed at once."""
        headers: dict[str, str] = {}
        _, used = await self._observed(request, headers, self._observers.started(request, headers), use)
        return used

    def start(self, request: TargetRequest) -> None:
        """See TargetCaller. Refuse the call, which observers see, if there are too many already."""
        headers: dict[str, str] = {}
        tokens = self._observers.started(request, headers)
        if self._is_closed or not self._may_start(request):
            outcome = Outcome.CANCELLED if self._is_closed else Outcome.BUSY
            self._observers.ended(tokens, _ended(request, outcome, None, 0.0))
            return
        owner = request.target.owner
        self._background_calls.take(owner)
        self._background_bytes.take(owner, len(request.body))
        task = asyncio.get_running_loop().create_task(self._run(request, headers, tokens))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def attempt(self, request: TargetRequest) -> AttemptResult:
        """See TargetCaller. If cancelled, the connection is closed at once."""
        headers: dict[str, str] = {}
        tokens = self._observers.started(request, headers)
        began = time.perf_counter()
        try:
            status, _ = await self._observed(request, headers, tokens, _ignore, is_delivery=True)
        except CallFailedError as failure:
            seconds = time.perf_counter() - began
            return AttemptResult(failure.outcome.value, failure.status, seconds, failure.retry_after)
        return AttemptResult(Outcome.OK.value, status, time.perf_counter() - began)

    async def obstacles(self, target: Target, keys: Sequence[SigningKey]) -> Sequence[Obstacle]:
        """See Preflight. A name is looked up for LOOKUP_SECONDS at most."""
        found = []
        if not self._signer.can_sign(target.id, keys):
            found.append(Obstacle(ObstacleKind.KEY_UNREADABLE, "it has no signing key that can be decrypted"))
        if target.payload_type is not _JSON:
            found += await self._token_obstacles(target)
        denial = await self._denial(target)
        if denial is not None:
            found.append(Obstacle(ObstacleKind.ADDRESS_DENIED, denial))
        return found

    async def _token_obstacles(self, target: Target) -> Sequence[Obstacle]:
        """Return what would keep a payload from being signed and encrypted."""
        found = []
        if target.payload_type is PayloadType.JWE and (
            self._encoder is None or not self._encoder.has_public_key(target)
        ):
            found.append(Obstacle(ObstacleKind.PUBLIC_KEY_MISSING, "it has no active public key"))
        if self._encoder is None or not await self._encoder.can_sign():
            found.append(Obstacle(ObstacleKind.KEY_UNREADABLE, "this server has no key that can sign its payload"))
        return found

    async def _denial(self, target: Target) -> str | None:
        """Return why the endpoint cannot be dialled, without an address that its owner may not know."""
        try:
            endpoint = read_endpoint(target.endpoint)
            async with asyncio.timeout(LOOKUP_SECONDS):
                await self._dialler.addresses(endpoint.address, target.owner)
        except EndpointError as error:
            return str(error)
        except AddressDeniedError:
            return "its address is one that must not be called, see --allow-address"
        except OSError:  # TimeoutError is one
            return "its name has no address"
        return None

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
        await self._pool.close()

    def _may_start(self, request: TargetRequest) -> bool:
        owner, is_privileged = request.target.owner, request.is_privileged
        return self._background_calls.may_take(owner, is_privileged=is_privileged) and self._background_bytes.may_take(
            owner, len(request.body), is_privileged=is_privileged
        )

    async def _run(self, request: TargetRequest, headers: Mapping[str, str], tokens: list[Any]) -> None:
        try:
            await self._observed(request, headers, tokens, _ignore)
        except CallFailedError:
            """The observers have been notified."""
        finally:
            owner = request.target.owner
            self._background_calls.give_back(owner)
            self._background_bytes.give_back(owner, len(request.body))

    async def _observed(
        self,
        request: TargetRequest,
        headers: Mapping[str, str],
        tokens: list[Any],
        use: Callable[[bytes], Awaitable[T]],
        *,
        is_delivery: bool = False,
    ) -> tuple[int, T]:
        """Make the call, and notify the observers of its end.

        is_delivery: whether nothing but the status matters, and the caller acts on a failure, whatever the target says.
        """
        target, most = request.target, self._limits.response_bytes
        may_forward = target.interrupt_on_error and target.type.waits
        limit = BodyLimit(
            most,
            is_kept=target.type.uses_answer and not is_delivery,
            beginning=min(most, FORWARDED_BYTES) if may_forward and not is_delivery else 0,
        )
        began = time.perf_counter()
        outcome, status = Outcome.CANCELLED, None
        try:
            status, used = await self._call(request, headers, use, limit)
            outcome = Outcome.OK
        except CallFailedError as failure:
            outcome, status = failure.outcome, failure.status
            raise
        finally:
            seconds = time.perf_counter() - began
            self._observers.ended(tokens, _ended(request, outcome, status, seconds, is_delivery=is_delivery))
        return status, used

    async def _call(
        self,
        request: TargetRequest,
        headers: Mapping[str, str],
        use: Callable[[bytes], Awaitable[T]],
        limit: BodyLimit,
    ) -> tuple[int, T]:
        """Return the status of a successful response and what `use` makes of it, all within the target's timeout."""
        target = request.target
        has_slot = False
        status = None
        try:
            with Deadline(_timeout_seconds(target)) as deadline:
                await self._limiter.acquire(target.id, target.owner, is_privileged=request.is_privileged)
                has_slot = True
                status, body = await self._post(request, headers, limit)
                return status, await _used(body, use, status)
        except CallFailedError:
            raise
        except ResponseTooLargeError as error:
            raise CallFailedError(Outcome.TOO_LARGE, error.status) from None
        except Exception as error:  # noqa: BLE001  # whatever fails is a failure of this call, and not of the API call
            # Without the cause, whose text contains the address.
            raise CallFailedError(self._outcome(error, deadline, has_slot=has_slot), status) from None
        finally:
            if has_slot:
                self._limiter.release(target.id, target.owner)

    def _outcome(self, error: Exception, deadline: Deadline, *, has_slot: bool) -> Outcome:
        if self._is_closed:
            return Outcome.CANCELLED
        if deadline.has_passed:
            return Outcome.TIMEOUT if has_slot else Outcome.BUSY
        return outcome_of(error)

    async def _post(self, request: TargetRequest, headers: Mapping[str, str], limit: BodyLimit) -> tuple[int, bytes]:
        """Return status and body of a successful response, as far as it is kept."""
        if self._is_closed:
            raise CallFailedError(Outcome.CANCELLED)
        target = request.target
        endpoint = read_endpoint(target.endpoint)
        body = request.body if target.payload_type is _JSON else await self._encoded(request)
        # Signed only now: a signature contains the time.
        signature = self._signer.headers(target.id, request.keys, body, request.message_id)
        lines = {**self._headers, **headers, **signature}
        if request.attempt:
            lines[ATTEMPT_HEADER] = str(request.attempt)
        head = _head(endpoint.head, lines, len(body))
        response = await self._pool.exchange(endpoint, head, body, limit, target.owner)
        if not 200 <= response.status <= 299:
            retry_after = read_retry_after(response.retry_after, time.time())
            raise CallFailedError(Outcome.STATUS, response.status, retry_after)
        return response.status, bytes(response.body)

    async def _encoded(self, request: TargetRequest) -> bytes:
        """Return the payload as a token. Raise CallFailedError."""
        if self._encoder is None:
            raise CallFailedError(Outcome.KEY_UNAVAILABLE)
        return await self._encoder.encoded(request.target, request.body)


async def _ignore(_body: bytes) -> None:
    """Ignore the response's body."""


async def _used(body: bytes, use: Callable[[bytes], Awaitable[T]], status: int) -> T:
    try:
        return await use(body)
    except ValueError:
        raise CallFailedError(Outcome.BAD_RESPONSE, status) from None  # the cause's text may contain the body


def _head(beginning: bytes, headers: Mapping[str, str], length: int) -> bytes:
    """Return a request's head. Raise ValueError if an observer has added a header that is more than a line."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header contains a line break")
    return b"%b%bContent-Length: %d\r\n\r\n" % (beginning, lines.encode("latin-1"), length)


def _ended(
    request: TargetRequest, outcome: Outcome, status: int | None, seconds: float, *, is_delivery: bool = False
) -> TargetCall:
    target = request.target
    continues = not is_delivery and (not target.type.waits or not target.interrupt_on_error)
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
    most = MAX_TIMEOUT_SECONDS if target.type.waits else MAX_BACKGROUND_SECONDS
    # Compared as integers: a timeout may be 10,000 years.
    return min(target.timeout_ns, most * 1_000_000_000) / 1_000_000_000

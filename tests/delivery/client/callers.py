"""A client, what it told of its calls, and targets to call."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from ssl import SSLContext

from actiond.actions.ports import AttemptResult, TargetRequest
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.delivery.client import DeliveryLimits, Egress, TargetClient
from actiond.delivery.egress.policy import AddressGuard
from actiond.delivery.outcomes import CallFailedError, TargetCall
from actiond.delivery.signer import Signer
from actiond.secrets.sealing import Sealer

LOOPBACK = AddressGuard(allow=(ip_network("127.0.0.0/8"),))
SEALER = Sealer([b"k" * 32])
AGENT = "actiond/1.2.3"
PATIENT = 60.0
"""Seconds of a timeout that is not to pass."""


def target(
    url: str,
    kind: TargetType = TargetType.CALL,
    *,
    target_id: str = "1",
    owner: str = "1",
    seconds: float = PATIENT,
    interrupts: bool = True,
) -> Target:
    return Target(
        id=target_id,
        owner=owner,
        name="a target",
        type=kind,
        interrupt_on_error=interrupts,
        timeout_ns=int(seconds * 1_000_000_000),
        endpoint=url,
        sequence=1,
        created_at_ns=0,
        changed_at_ns=0,
    )


def request_to(
    called: Target,
    *,
    body: bytes = b"{}",
    keys: Sequence[SigningKey] | None = None,
    is_privileged: bool = False,
    message_id: str = "",
    attempt: int = 0,
) -> TargetRequest:
    """A call, by default signed with one key."""
    if keys is None:
        keys = (SigningKey(SEALER.seal(called.id, "a signing key")),)
    return TargetRequest(called, keys, body, "request", "r-1", is_privileged, message_id, attempt)


async def whole(answer: bytes) -> bytes:
    """The use that leaves a body as it is."""
    return answer


@dataclass
class Seen:
    """An observer that keeps the calls that have ended."""

    calls: list[TargetCall] = field(default_factory=list)

    def started(self, request: TargetRequest, headers: dict[str, str]) -> None:
        """Nothing is kept of it."""

    def ended(self, _token: None, call: TargetCall) -> None:
        self.calls.append(call)


@dataclass
class Caller:
    client: TargetClient
    told: list[TargetCall] = field(default_factory=list)

    async def call(self, called: Target, *, body: bytes = b"{}", keys: Sequence[SigningKey] | None = None) -> bytes:
        return await self.client.call(request_to(called, body=body, keys=keys), whole)

    async def outcome(self, called: Target, *, body: bytes = b"{}", keys: Sequence[SigningKey] | None = None) -> str:
        """`ok`, or what went wrong and with which status."""
        try:
            await self.call(called, body=body, keys=keys)
        except CallFailedError as failure:
            return str(failure)
        return "ok"

    async def attempt(self, called: Target, *, keys: Sequence[SigningKey] | None = None) -> AttemptResult:
        """The first attempt to deliver a message."""
        return await self.client.attempt(request_to(called, keys=keys, message_id="17", attempt=1))

    def start(self, called: Target, *, body: bytes = b"{}") -> None:
        self.client.start(request_to(called, body=body))

    def outcomes(self) -> list[str]:
        """Of the calls that have ended, in that order."""
        return [call.outcome.value for call in self.told]


MakeCaller = Callable[..., Awaitable[Caller]]


@asynccontextmanager
async def open_caller(
    *, guard: AddressGuard = LOOPBACK, limits: DeliveryLimits | None = None, ssl_context: SSLContext | None = None
) -> AsyncIterator[Caller]:
    seen = Seen()
    egress = Egress(guard, Signer(SEALER), AGENT, ssl_context)
    caller = Caller(TargetClient(egress, limits or DeliveryLimits(), [seen]), seen.calls)
    try:
        yield caller
    finally:
        await caller.client.close()

"""A client, what it told of its calls, and targets to call."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import Target, TargetType
from actiond.delivery.client import DeliveryLimits, TargetClient
from actiond.delivery.egress.policy import AddressGuard
from actiond.delivery.outcomes import CallFailedError, TargetCall
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
    seconds: float = PATIENT,
    interrupts: bool = True,
) -> Target:
    return Target(
        id=target_id,
        owner="1",
        name="a target",
        type=kind,
        interrupt_on_error=interrupts,
        timeout_ns=int(seconds * 1_000_000_000),
        endpoint=url,
        sequence=1,
        created_at_ns=0,
        changed_at_ns=0,
    )


@dataclass
class Caller:
    client: TargetClient
    told: list[TargetCall] = field(default_factory=list)

    async def call(self, called: Target, *, body: bytes = b"{}", keys: Sequence[SigningKey] = ()) -> bytes:
        return await self.client.call(called, keys, body, execution="request", request_id="r-1", use=bytes)

    async def outcome(self, called: Target, *, body: bytes = b"{}", keys: Sequence[SigningKey] = ()) -> str:
        """`ok`, or what went wrong and with which status."""
        try:
            await self.call(called, body=body, keys=keys)
        except CallFailedError as failure:
            return str(failure)
        return "ok"

    def start(self, called: Target, *, body: bytes = b"{}") -> None:
        self.client.start(called, (), body, execution="request", request_id="r-1")

    def outcomes(self) -> list[str]:
        """Of the calls that have ended, in that order."""
        return [call.outcome.value for call in self.told]


MakeCaller = Callable[..., Awaitable[Caller]]


@asynccontextmanager
async def open_caller(
    *, guard: AddressGuard = LOOPBACK, limits: DeliveryLimits | None = None, **options: Any
) -> AsyncIterator[Caller]:
    told: list[TargetCall] = []
    caller = Caller(TargetClient(guard, SEALER, limits or DeliveryLimits(), AGENT, told.append, **options), told)
    try:
        yield caller
    finally:
        await caller.client.close()

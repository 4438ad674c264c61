"""Who gets the places of concurrent calls, see api/call_places.py."""

from dataclasses import dataclass
from typing import cast

from actiond.actions.tokens import Caller, Token
from actiond.api.call_places import CallPlaces
from actiond.api.permissions import BYPASS, BYPASS_HEADER
from rpcfront import ServicerContext

PLACES = 16


@dataclass(eq=False)
class Context:
    """What `CallPlaces` reads of a call's context."""

    caller: Caller | None
    metadata: tuple[tuple[str, str], ...] = ()

    def invocation_metadata(self) -> tuple[tuple[str, str], ...]:
        return self.metadata


def stranger() -> ServicerContext:
    return cast(ServicerContext, Context(None))


def call_of(owner: str, *permissions: str, bypasses: bool = False) -> ServicerContext:
    token = Token("1", "token", owner, frozenset(permissions), b"", 0)
    return cast(ServicerContext, Context(Caller(token, 0), ((BYPASS_HEADER, "true"),) if bypasses else ()))


def full_of_strangers() -> CallPlaces:
    places = CallPlaces(PLACES)
    while places.take(stranger()):
        pass
    return places


def test_strangers_leave_places_for_callers_with_a_token() -> None:
    places = full_of_strangers()
    assert places.take(call_of("owner"))


def test_the_last_place_is_for_a_caller_who_bypasses_executions() -> None:
    places = full_of_strangers()
    owners = 0
    while places.take(call_of(f"owner {owners}")):
        owners += 1
    assert 0 < owners < PLACES
    assert not places.take(call_of("another", BYPASS))
    assert not places.take(call_of("another", bypasses=True))
    assert places.take(call_of("another", BYPASS, bypasses=True))


def test_a_place_that_was_given_back_is_free() -> None:
    places = CallPlaces(1)
    first = call_of("owner")
    assert places.take(first)
    assert not places.take(call_of("owner"))
    places.give_back(first)
    assert places.take(call_of("owner"))


def test_large_messages_take_turns_by_owner_and_those_of_public_services_together() -> None:
    places = CallPlaces(PLACES)
    assert places.share(call_of("owner")) == places.share(call_of("owner", BYPASS, bypasses=True))
    assert places.share(call_of("owner")) != places.share(call_of("another"))
    assert places.share(stranger()) == places.share(stranger())

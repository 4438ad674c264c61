"""Who a call's Authorization header or certificate speaks for."""

from dataclasses import replace
from functools import partial

import pytest

from actiond.actions.errors import (
    CertificateTakenError,
    CertificateUnboundError,
    PermissionMissingError,
    TokenInvalidError,
    TokenMissingError,
    TokenNotFoundError,
)
from actiond.actions.tokens import Caller, Token
from actiond.actions.use_cases.tokens import Tokens
from actiond.storage.memory import MemoryStore
from tests.support.tokens import make_token

SECRET = "a secret of some length"
NAME = "dns:worker.example"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(MemoryStore(), clock)


async def made(tokens: Tokens, expires_at_ns: int | None = None) -> Token:
    token = make_token(SECRET, "o", ["read"], token_id="1", expires_at_ns=expires_at_ns)
    await tokens.add(token)
    return token


@pytest.mark.parametrize("header", [f"Bearer {SECRET}", f"bearer {SECRET}", f"BEARER   {SECRET}"])
async def test_a_bearer_token_is_found_by_its_secret(tokens: Tokens, header: str) -> None:
    token = await made(tokens)
    assert await tokens.authenticate(header) == Caller(token, execution_revision=0)


async def test_a_call_without_a_header_is_told_apart(tokens: Tokens) -> None:
    with pytest.raises(TokenMissingError):
        await tokens.authenticate(None)


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", f"Basic {SECRET}", SECRET, f"Bearer {SECRET}x", f"Bearer{SECRET}", "Bearer é\udc80"],
)
async def test_anything_else_is_invalid(tokens: Tokens, header: str) -> None:
    await made(tokens)
    with pytest.raises(TokenInvalidError):
        await tokens.authenticate(header)


async def test_a_token_ends_at_its_expiry(tokens: Tokens, clock: Clock) -> None:
    await made(tokens, expires_at_ns=2_000)
    clock.now = 1_999
    await tokens.authenticate(f"Bearer {SECRET}")
    clock.now = 2_000
    with pytest.raises(TokenInvalidError):
        await tokens.authenticate(f"Bearer {SECRET}")


async def test_a_revoked_token_is_invalid_at_once(tokens: Tokens) -> None:
    await made(tokens)
    await tokens.revoke("1")
    with pytest.raises(TokenInvalidError):
        await tokens.authenticate(f"Bearer {SECRET}")


async def test_revoking_twice_adds_one_event() -> None:
    store = MemoryStore()
    tokens = Tokens(store, Clock())
    await made(tokens)
    await tokens.revoke("1")
    await tokens.revoke("1")
    assert [event.type for event in await store.events("token", "1")] == ["token.added", "token.revoked"]


async def test_revoking_an_unknown_token_says_so(tokens: Tokens) -> None:
    with pytest.raises(TokenNotFoundError):
        await tokens.revoke("nope")


async def test_the_secret_is_in_no_event_and_in_no_token() -> None:
    store = MemoryStore()
    token = await made(Tokens(store, Clock()))
    assert SECRET not in repr(token)
    assert SECRET not in repr(await store.events("token", "1"))


async def bound(tokens: Tokens, name: str = NAME, identity: str = "1", expires_at_ns: int | None = None) -> Token:
    token = make_token(identity, "o", ["read"], expires_at_ns=expires_at_ns)
    await tokens.add(replace(token, certificate=name))
    return replace(token, certificate=name)


@pytest.mark.parametrize("names", [[NAME], ["dns:another.example", NAME], [NAME, NAME]])
async def test_a_caller_is_found_by_a_name_in_its_certificate(tokens: Tokens, names: list[str]) -> None:
    token = await bound(tokens)
    assert await tokens.authenticate_certificate(names) == Caller(token, execution_revision=0)


async def test_a_token_that_is_bound_is_also_found_by_its_secret(tokens: Tokens) -> None:
    token = await bound(tokens)
    assert await tokens.authenticate("Bearer 1") == Caller(token, execution_revision=0)


@pytest.mark.parametrize("names", [["dns:another.example"], ["uri:worker.example"]])
async def test_a_certificate_without_a_bound_name_is_no_credential(tokens: Tokens, names: list[str]) -> None:
    await bound(tokens)
    await tokens.add(make_token("unbound", "o"))
    with pytest.raises(CertificateUnboundError):
        await tokens.authenticate_certificate(names)


async def test_a_call_without_a_header_and_without_a_certificate_is_told_apart(tokens: Tokens) -> None:
    with pytest.raises(TokenMissingError):
        await tokens.authenticate_certificate([])


async def test_a_certificate_ends_with_the_expiry_of_its_token(tokens: Tokens, clock: Clock) -> None:
    await bound(tokens, expires_at_ns=2_000)
    clock.now = 1_999
    await tokens.authenticate_certificate([NAME])
    clock.now = 2_000
    with pytest.raises(TokenInvalidError):
        await tokens.authenticate_certificate([NAME])


async def test_a_certificate_ends_with_the_revocation_of_its_token(tokens: Tokens) -> None:
    await bound(tokens)
    await tokens.revoke("1")
    with pytest.raises(CertificateUnboundError):
        await tokens.authenticate_certificate([NAME])


async def test_a_certificate_with_the_names_of_two_tokens_is_invalid(tokens: Tokens) -> None:
    await bound(tokens)
    await bound(tokens, "uri:spiffe://example/worker", "2")
    with pytest.raises(TokenInvalidError):
        await tokens.authenticate_certificate([NAME, "uri:spiffe://example/worker"])


async def test_a_name_is_bound_to_one_token_until_that_is_revoked(tokens: Tokens, clock: Clock) -> None:
    await bound(tokens, expires_at_ns=2_000)
    clock.now = 3_000
    with pytest.raises(CertificateTakenError) as taken:
        await bound(tokens, identity="2")
    assert (taken.value.token_id, taken.value.token_name) == ("1", "1")
    await tokens.revoke("1")
    token = await bound(tokens, identity="2")
    assert (await tokens.authenticate_certificate([NAME])).token == token


async def test_the_binding_is_in_the_events() -> None:
    store = MemoryStore()
    await bound(Tokens(store, Clock()))
    (event,) = await store.events("token", "1")
    assert event.payload["certificate"] == NAME


def test_a_permission_is_held_by_name_or_by_holding_all() -> None:
    def token(*permissions: str) -> Token:
        return make_token(SECRET, "o", permissions)

    token("read", "write").require("write")
    token("*").require("write")
    for lacking in (token("read"), token(), token("write.more")):
        with pytest.raises(PermissionMissingError):
            lacking.require("write")


async def test_the_first_start_makes_owner_and_admin_once() -> None:
    store = MemoryStore()
    handed_over: list[str] = []
    for owner, made in (("1", True), ("2", False)):
        admin = make_token(owner, owner, ["*"], token_id="admin")
        assert await Tokens(store, Clock()).first_start(admin, partial(handed_over.append, owner)) == ("1", made)
    assert [token.owner for token in await store.tokens()] == ["1"]
    assert handed_over == ["1"]


async def test_a_first_start_that_cannot_hand_over_the_token_leaves_nothing() -> None:
    store = MemoryStore()
    tokens = Tokens(store, Clock())

    def fail() -> None:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        await tokens.first_start(make_token(SECRET, "1", ["*"]), fail)
    assert not await store.tokens()
    assert await tokens.first_start(make_token(SECRET, "2", ["*"]), lambda: None) == ("2", True)

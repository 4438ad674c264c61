"""Whose token a call has: that of its Authorization header, else that of its client certificate."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from actiond.actions.errors import CertificateUnboundError, PermissionMissingError, TokenInvalidError, TokenMissingError
from actiond.actions.use_cases.tokens import Tokens
from actiond.api.authentication import Authenticator
from actiond.api.certificate_names import MAX_NAMES, certificate_names
from actiond.api.served import ACTION_SERVICE, DELIVERY_SERVICE
from actiond.storage.memory import MemoryStore
from tests.support.tokens import make_token

METHOD = ACTION_SERVICE.methods_by_name["CreateTarget"]
INSECURE = {"transport_security_type": [b"insecure"]}
BOUND = {
    "transport_security_type": [b"ssl"],
    "x509_common_name": [b"worker"],
    "x509_subject_alternative_name": [b"Worker.example"],
    "peer_dns": [b"Worker.example"],
}


class Context:
    """What the authenticator reads of a call."""

    def __init__(self, auth_context: Mapping[str, Sequence[bytes]], *headers: tuple[str, str]) -> None:
        self._auth_context = auth_context
        self._headers = headers

    def authorization(self) -> list[str]:
        return [value for key, value in self._headers if key == "authorization"]

    def invocation_metadata(self) -> Sequence[tuple[str, str]]:
        return self._headers

    def auth_context(self) -> Mapping[str, Sequence[bytes]]:
        return self._auth_context


@pytest.fixture
async def authenticate() -> Authenticator:
    tokens = Tokens(MemoryStore(), lambda: 1_000)
    write = ["execution.target.write"]
    await tokens.add(replace(make_token("secret", "o", write, token_id="worker"), certificate="dns:worker.example"))
    await tokens.add(replace(make_token("reads", "o", ["read"]), certificate="dns:reader.example"))
    await tokens.add(make_token("other", "o", write))
    return Authenticator(tokens, (ACTION_SERVICE,))


async def caller(authenticate: Authenticator, context: Any) -> str:
    found = await authenticate(METHOD, context)
    assert found is not None
    return found.token.id


async def test_a_certificate_authenticates_a_call_without_a_header(authenticate: Authenticator) -> None:
    assert await caller(authenticate, Context(BOUND, ("user-agent", "x"))) == "worker"


async def test_a_header_alone_decides(authenticate: Authenticator) -> None:
    assert await caller(authenticate, Context(BOUND, ("authorization", "Bearer other"))) == "other"
    for wrong in ("Bearer wrong", "", "Basic x"):
        with pytest.raises(TokenInvalidError):
            await caller(authenticate, Context(BOUND, ("authorization", wrong)))
    with pytest.raises(TokenInvalidError):
        await caller(authenticate, Context(BOUND, *[("authorization", "Bearer other")] * 2))


async def test_the_permissions_are_those_of_the_token(authenticate: Authenticator) -> None:
    with pytest.raises(PermissionMissingError):
        await caller(authenticate, Context({"peer_dns": [b"reader.example"]}))


async def test_every_valid_token_may_call_what_only_requires_one() -> None:
    tokens = Tokens(MemoryStore(), lambda: 1_000)
    await tokens.add(make_token("powerless", "o"))
    await tokens.add(make_token("expired", "o", expires_at_ns=999))
    authenticate = Authenticator(tokens, (DELIVERY_SERVICE,))
    get_caller = DELIVERY_SERVICE.methods_by_name["GetCaller"]
    found = await authenticate(get_caller, Context({}, ("authorization", "Bearer powerless")))  # type: ignore[arg-type]  # a stand-in
    assert found is not None
    assert found.token.id == "powerless"
    with pytest.raises(TokenInvalidError):
        await authenticate(get_caller, Context({}, ("authorization", "Bearer expired")))  # type: ignore[arg-type]  # a stand-in
    with pytest.raises(TokenMissingError):
        await authenticate(get_caller, Context({}))  # type: ignore[arg-type]  # a stand-in


@pytest.mark.parametrize(
    "auth_context",
    [
        # Names of one kind are not those of another.
        {"peer_uri": [b"worker.example"]},
        {"peer_uri": [b"dns:worker.example"]},
        {"peer_email": [b"worker.example"]},
        {"peer_dns": [b"*.example", b"worker.example.com", b"\xffworker.example", b""]},
    ],
)
async def test_another_name_is_no_credential(
    authenticate: Authenticator, auth_context: Mapping[str, Sequence[bytes]]
) -> None:
    with pytest.raises(CertificateUnboundError):
        await caller(authenticate, Context(auth_context))


@pytest.mark.parametrize(
    "auth_context",
    [
        {},
        INSECURE,
        {"transport_security_type": [b"ssl"]},
        {"x509_common_name": [b"worker.example"]},
        {"x509_subject_alternative_name": [b"worker.example"]},
        {"peer_ip": [b"worker.example"]},
    ],
)
async def test_without_a_name_there_is_no_credential(
    authenticate: Authenticator, auth_context: Mapping[str, Sequence[bytes]]
) -> None:
    with pytest.raises(TokenMissingError):
        await caller(authenticate, Context(auth_context))


@pytest.mark.parametrize("header", ["origin", "sec-fetch-site"])
async def test_a_browser_is_not_authenticated_by_its_certificate(authenticate: Authenticator, header: str) -> None:
    """A browser presents it to whatever page calls: a page of a stranger would act for the user."""
    with pytest.raises(TokenMissingError):
        await caller(authenticate, Context(BOUND, (header, "https://example.com")))
    assert await caller(authenticate, Context(BOUND, (header, "x"), ("authorization", "Bearer other"))) == "other"


def test_the_names_that_are_looked_up_are_limited() -> None:
    many = {"peer_dns": [f"{number}.example".encode() for number in range(1000)]}
    assert len(certificate_names(many, tuple)) == MAX_NAMES


def test_headers_are_not_read_where_there_is_no_certificate() -> None:
    def fail() -> Sequence[tuple[str, str]]:
        raise AssertionError

    assert certificate_names(INSECURE, fail) == ()

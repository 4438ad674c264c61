"""Tokens for tests."""

from collections.abc import Iterable

from actiond.actions.tokens import Token, digest_of


def make_token(
    secret: str,
    owner: str,
    permissions: Iterable[str] = (),
    *,
    token_id: str = "",
    created_at_ns: int = 1,
    expires_at_ns: int | None = None,
) -> Token:
    """Return a token for `secret`, which is also its id and name unless another id is given."""
    return Token(
        id=token_id or secret,
        name=token_id or secret,
        owner=owner,
        permissions=frozenset(permissions),
        digest=digest_of(secret),
        created_at_ns=created_at_ns,
        expires_at_ns=expires_at_ns,
    )

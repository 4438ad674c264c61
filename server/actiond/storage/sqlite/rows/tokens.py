"""Tokens."""
# ruff: noqa: S608, the statements are built of constants alone

import json
from functools import lru_cache

from actiond.actions.tokens import Token
from actiond.storage.sqlite.rows import Row, to_json

_COLUMNS = "id, name, owner, permissions, digest, created_at_ns, expires_at_ns, revoked_at_ns"

PUT = f"""
INSERT INTO tokens ({_COLUMNS}, selector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    selector = excluded.selector, name = excluded.name, owner = excluded.owner, permissions = excluded.permissions,
    digest = excluded.digest, created_at_ns = excluded.created_at_ns, expires_at_ns = excluded.expires_at_ns,
    revoked_at_ns = excluded.revoked_at_ns
"""
BY_ID = f"SELECT {_COLUMNS} FROM tokens WHERE id = ?"
BY_SELECTOR = f"SELECT {_COLUMNS} FROM tokens WHERE selector = ?"
ALL = f"SELECT {_COLUMNS} FROM tokens ORDER BY created_at_ns, id"


def to_row(token: Token) -> Row:
    """For PUT."""
    return (
        token.id,
        token.name,
        token.owner,
        to_json(sorted(token.permissions)),
        token.digest,
        token.created_at_ns,
        token.expires_at_ns,
        token.revoked_at_ns,
        token.selector,
    )


@lru_cache(maxsize=1024)
def of(row: Row) -> Token:
    """Remembered by the whole row: every call reads its token's row, and few rows differ from the one before."""
    token_id, name, owner, permissions, digest, created_at_ns, expires_at_ns, revoked_at_ns = row
    return Token(
        id=token_id,
        name=name,
        owner=owner,
        permissions=frozenset(json.loads(permissions)),
        digest=digest,
        created_at_ns=created_at_ns,
        expires_at_ns=expires_at_ns,
        revoked_at_ns=revoked_at_ns,
    )

"""Tokens."""
# ruff: noqa: S608  # the statements consist of constants

import json
from functools import lru_cache

from actiond.actions.tokens import Admission, Token
from actiond.storage.change_record import ChangeRecord
from actiond.storage.sqlite.guarded_cursor import GuardedCursor
from actiond.storage.sqlite.rows import Row, to_json

_COLUMNS = "id, name, owner, permissions, digest, created_at_ns, expires_at_ns, revoked_at_ns, certificate"

PUT = f"""
INSERT INTO tokens ({_COLUMNS}, selector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    selector = excluded.selector, name = excluded.name, owner = excluded.owner, permissions = excluded.permissions,
    digest = excluded.digest, created_at_ns = excluded.created_at_ns, expires_at_ns = excluded.expires_at_ns,
    revoked_at_ns = excluded.revoked_at_ns, certificate = excluded.certificate
"""
BY_ID = f"SELECT {_COLUMNS} FROM tokens WHERE id = ?"
WITH_SELECTOR = f"SELECT {_COLUMNS} FROM tokens WHERE selector = ?"
# The index holds only tokens that are not revoked.
BOUND_TO = f"SELECT {_COLUMNS} FROM tokens WHERE certificate = ? AND revoked_at_ns IS NULL"
ALL = f"SELECT {_COLUMNS} FROM tokens ORDER BY created_at_ns, id"
_ADMISSION = f"SELECT {_COLUMNS}, coalesce(revision, 0) FROM tokens LEFT JOIN execution_revisions USING (owner)"
ADMISSION = f"{_ADMISSION} WHERE selector = ?"
CERTIFICATE_ADMISSION = f"{_ADMISSION} WHERE certificate = ? AND revoked_at_ns IS NULL"


class SqliteTokens:
    """Reads and writes the tokens of one transaction."""

    __slots__ = ("_cursor", "_record")

    def __init__(self, cursor: GuardedCursor, record: ChangeRecord) -> None:
        self._cursor = cursor
        self._record = record

    def get(self, token_id: str) -> Token | None:
        return self._cursor.read_first(from_row, BY_ID, (token_id,))

    def with_selector(self, selector: bytes) -> Token | None:
        return self._cursor.read_first(from_row, WITH_SELECTOR, (selector,))

    def bound_to(self, certificate: str) -> Token | None:
        return self._cursor.read_first(from_row, BOUND_TO, (certificate,))

    def put(self, token: Token) -> None:
        self._record.token(token.id)
        self._cursor.execute(PUT, to_row(token))


def to_row(token: Token) -> Row:
    """Return the parameters of PUT."""
    return (
        token.id,
        token.name,
        token.owner,
        to_json(sorted(token.permissions)),
        token.digest,
        token.created_at_ns,
        token.expires_at_ns,
        token.revoked_at_ns,
        token.certificate,
        token.selector,
    )


def admission(row: Row) -> Admission:
    """Return the admission in a row of ADMISSION or CERTIFICATE_ADMISSION."""
    *columns, revision = row
    return Admission(from_row(tuple(columns)), revision)


@lru_cache(maxsize=1024)
def from_row(row: Row) -> Token:
    """Return the token in a row. Cached by the row's content: every call reads its token, and tokens rarely change."""
    token_id, name, owner, permissions, digest, created_at_ns, expires_at_ns, revoked_at_ns, certificate = row
    return Token(
        id=token_id,
        name=name,
        owner=owner,
        permissions=frozenset(json.loads(permissions)),
        digest=digest,
        created_at_ns=created_at_ns,
        expires_at_ns=expires_at_ns,
        revoked_at_ns=revoked_at_ns,
        certificate=certificate,
    )

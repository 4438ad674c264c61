"""Stores tokens in memory."""

from actiond.actions.errors import StoreError
from actiond.actions.tokens import Token
from actiond.storage.change_record import ChangeRecord
from actiond.storage.memory.data import Data, UndoLog


class MemoryTokens:
    """Reads and writes the tokens of one transaction."""

    def __init__(self, data: Data, log: UndoLog, record: ChangeRecord) -> None:
        self._data = data
        self._log = log
        self._record = record

    def get(self, token_id: str) -> Token | None:
        return self._data.tokens.get(token_id)

    def with_selector(self, selector: bytes) -> Token | None:
        return self._data.tokens.get(self._data.token_selectors.get(selector, ""))

    def bound_to(self, certificate: str) -> Token | None:
        return self._data.tokens.get(self._data.token_certificates.get(certificate, ""))

    def put(self, token: Token) -> None:
        bound = _bound_name(token)
        if self._data.token_selectors.get(token.selector, token.id) != token.id:
            raise StoreError("another token has the same secret")
        if bound is not None and self._data.token_certificates.get(bound, token.id) != token.id:
            raise StoreError("another token is bound to the same certificates")
        self._record.token(token.id)
        former = self._data.tokens.get(token.id)
        if former is not None:
            self._log.remove(self._data.token_selectors, former.selector)
            if (former_name := _bound_name(former)) is not None:
                self._log.remove(self._data.token_certificates, former_name)
        self._log.put(self._data.tokens, token.id, token)
        self._log.put(self._data.token_selectors, token.selector, token.id)
        if bound is not None:
            self._log.put(self._data.token_certificates, bound, token.id)


def _bound_name(token: Token) -> str | None:
    """Return the name in certificates that a token is bound to. A revoked token is bound to none."""
    return token.certificate if token.revoked_at_ns is None else None

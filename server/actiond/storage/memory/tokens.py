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

    def put(self, token: Token) -> None:
        if self._data.token_selectors.get(token.selector, token.id) != token.id:
            raise StoreError("another token has the same secret")
        self._record.token(token.id)
        former = self._data.tokens.get(token.id)
        if former is not None:
            self._log.remove(self._data.token_selectors, former.selector)
        self._log.put(self._data.tokens, token.id, token)
        self._log.put(self._data.token_selectors, token.selector, token.id)

"""Request ids: a client's own, or new ones."""

import itertools
import re
import secrets

REQUEST_ID = "x-request-id"

_VALID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


class RequestIds:
    """Takes a client's request id, or makes one that no other process makes."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def take(self, given: str | None) -> str:
        """Return the client's id if it gave one of up to 128 printable characters without spaces, else a new one."""
        if given is not None and _VALID.fullmatch(given):
            return given
        return f"{self._process}-{next(self._numbers):x}"

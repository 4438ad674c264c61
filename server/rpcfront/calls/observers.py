"""What the gateway tells of each call once it has ended: for access logs, for metrics."""

import itertools
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

REQUEST_ID = "x-request-id"

_VALID = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Call:
    """A call that has ended, or a request over HTTP that reached no method."""

    protocol: str
    """`grpc`, `grpc-web`, `connect`, `json`; `http` for what reached no method."""
    method: str
    """`package.Service/Method`; empty for what reached none."""
    code: int
    """A google.rpc.Code."""
    seconds: float
    caller: Any
    """Who called, as the gateway's `authenticate` answered; None before that."""
    request_id: str
    peer: str


Observe = Callable[[Call], object]
"""Told of every call, on the event loop: it must not block, nor raise."""


class RequestIds:
    """Takes a client's request id, or makes one that no other process makes."""

    def __init__(self) -> None:
        self._process = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def take(self, given: str | None) -> str:
        """The client's id, if it gave one of up to 128 printable characters without spaces; else a new one."""
        if given is not None and _VALID.fullmatch(given):
            return given
        return f"{self._process}-{next(self._numbers):x}"

"""What the gateway tells of each call once it has ended: for access logs, for metrics."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


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

"""What becomes of a call that executions are set on: one table for every way that a call may take past them.

Where a way ends otherwise, the row names the way and the cause.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.support.proxied.shop import CHAT, PLACE, REFUSAL, UPLOAD, WATCH, order
from tests.support.targets.answers import ok
from tests.support.targets.exchanges import Answer

FAILED = (9, "Execution failed (EXEC-dra6yamk98)")
DETAILS = ("zitadel.v1.ErrorDetail", "google.rpc.ErrorInfo")
"""Of every error that an execution ends a call with."""
LARGE = b"x" * 1_500_000
SOON = 0.5
"""Seconds of a deadline that is to pass."""

ENVOY_JSON = "envoy, JSON"
OVER_ENVOY = ("envoy, gRPC", "envoy, gRPC-Web", ENVOY_JSON)


@dataclass(frozen=True)
class Step:
    """A target: where it is, and how it answers there. Without answers, its path says how, see `STANDARD`."""

    path: str
    answers: tuple[Answer, ...] = ()
    kind: str = "call"
    interrupts: bool = True
    seconds: float = 30.0


@dataclass(frozen=True)
class End:
    """How a call ends."""

    code: int = 0
    message: str | None = ""
    """None if it is the client's or Envoy's own, who keep the deadline, too."""
    details: tuple[str, ...] = ()
    receipts: tuple[tuple[str, int], ...] = ()
    """Ids and counts."""
    reached: tuple[str, ...] = ()
    """Ids of the orders that reach the shop."""


@dataclass(frozen=True)
class Differs:
    """How a way ends otherwise, and why."""

    cause: str
    end: End


@dataclass(frozen=True)
class Scenario:
    """One row."""

    name: str
    end: End
    path: str = PLACE
    orders: tuple[Any, ...] = (order(id="1"),)
    request: tuple[Step, ...] = ()
    """The steps of the request execution."""
    response: tuple[Step, ...] = ()
    seconds: float = 60.0
    is_compressed: bool = False
    size: int = 0
    """Bytes of `data` that each receipt and each order that reaches the shop has."""
    differs: Mapping[str, Differs] = field(default_factory=dict)
    """By way."""
    lacks: Mapping[str, str] = field(default_factory=dict)
    """The ways that do not have it, and why."""


def _says(**fields: Any) -> tuple[Answer, ...]:
    return (ok(json.dumps(fields).encode()),)


def _forwards(status: int, message: str) -> tuple[Answer, ...]:
    return _says(forwardedStatusCode=status, forwardedErrorMessage=message)


def _orders(*ids: str, **fields: Any) -> tuple[Any, ...]:
    return tuple(order(id=name, **fields) for name in ids)


def _bad(*paths: str) -> tuple[Step, ...]:
    return tuple(Step(path) for path in paths)


_NO_BODY = "Envoy's transcoder has turned the response into JSON already, and sends no body with an error after that"
_INTERRUPTED = End(*FAILED, DETAILS)
_AFTERWARDS = replace(_INTERRUPTED, reached=("1",))
_EMPTY = {ENVOY_JSON: Differs(_NO_BODY, End(-1, "", (), (), ("1",)))}

SCENARIOS = (
    Scenario("nothing is set", End(receipts=(("1", 3),), reached=("1",)), orders=_orders("1", count=3)),
    Scenario(
        "a request is changed",
        End(receipts=(("new", 7),), reached=("new",)),
        request=(Step("/change", _says(id="new", count="7")),),
    ),
    Scenario(
        "two targets change a request, one after the other",
        End(receipts=(("first", 2),), reached=("first",)),
        request=(Step("/one", _says(id="first", count="1")), Step("/two", _says(count="2"))),
    ),
    Scenario(
        "a response is changed",
        End(receipts=(("1", 9),), reached=("1",)),
        response=(Step("/change", _says(count="9")),),
    ),
    Scenario(
        "both sides are changed",
        End(receipts=(("back", 5),), reached=("there",)),
        request=(Step("/there", _says(id="there", count="5")),),
        response=(Step("/back", _says(id="back")),),
    ),
    Scenario(
        "a webhook changes nothing", End(receipts=(("1", 0),), reached=("1",)), request=(Step("/ok", kind="webhook"),)
    ),
    Scenario("a request is interrupted", _INTERRUPTED, request=_bad("/status/500")),
    Scenario("a response is interrupted", _AFTERWARDS, response=_bad("/status/500"), differs=_EMPTY),
    Scenario(
        "a target says how the call ends",
        End(7, "not for you: ü (EXEC-reUaUZCzCp)", DETAILS),
        request=(Step("/forwards", _forwards(403, "not for you: ü"), kind="webhook"),),
    ),
    Scenario(
        "the shop's own error, after which no response execution runs",
        End(5, REFUSAL, reached=("1",)),
        orders=_orders("1", wish="fail"),
        response=_bad("/status/500"),
    ),
    Scenario(
        "a target that does not interrupt fails",
        End(receipts=(("1", 0),), reached=("1",)),
        request=(Step("/status/500", interrupts=False),),
        response=(Step("/status/500", interrupts=False),),
    ),
    Scenario("a target is slower than its timeout", _INTERRUPTED, request=(Step("/hold", seconds=SOON),)),
    Scenario("a target answers with what is not HTTP", _INTERRUPTED, request=_bad("/garbage")),
    Scenario("a target answers with what is not JSON", _INTERRUPTED, request=(Step("/text", (ok(b"not json"),)),)),
    Scenario("a target answers with a field of another kind", _INTERRUPTED, request=(Step("/kind", _says(count=[])),)),
    Scenario("a target closes the connection without an answer", _INTERRUPTED, request=_bad("/leave")),
    Scenario("a target resets the connection in its answer", _INTERRUPTED, request=_bad("/reset")),
    Scenario(
        "the deadline passes while a target decides",
        End(4, None),
        request=_bad("/hold"),
        seconds=SOON,
        lacks={ENVOY_JSON: "JSON has no deadline"},
    ),
    Scenario(
        "each response of a stream is changed",
        End(receipts=(("1-0", 9), ("1-1", 9), ("1-2", 9)), reached=("1",)),
        path=WATCH,
        orders=_orders("1", count=3),
        response=(Step("/change", _says(count="9")),),
    ),
    Scenario(
        "the request of a stream of responses is interrupted",
        _INTERRUPTED,
        path=WATCH,
        orders=_orders("1", count=3),
        request=_bad("/status/500"),
    ),
    Scenario(
        "the third response of a stream is interrupted",
        End(*FAILED, DETAILS, (("1-0", 0), ("1-1", 1)), ("1",)),
        path=WATCH,
        orders=_orders("1", count=3),
        response=(Step("/third", (*_says(), *_says(), ok(b"", status=500))),),
    ),
    Scenario(
        "each request of a stream is changed",
        End(receipts=(("a,a,a", 3),), reached=("a", "a", "a")),
        path=UPLOAD,
        orders=_orders("1", "2", "3"),
        request=(Step("/change", _says(id="a")),),
    ),
    Scenario(
        "both streams of a call are changed",
        End(receipts=(("a", 4), ("a", 4)), reached=("a", "a")),
        path=CHAT,
        orders=_orders("1", "2"),
        request=(Step("/there", _says(id="a")),),
        response=(Step("/back", _says(count="4")),),
    ),
    Scenario(
        "compressed messages",
        End(receipts=(("new", 9),), reached=("new",)),
        orders=_orders("1", wish="gzip"),
        request=(Step("/there", _says(id="new")),),
        response=(Step("/back", _says(count="9")),),
        is_compressed=True,
    ),
    Scenario(
        "messages of 1.5 MB",
        End(receipts=(("new", 9),), reached=("new",)),
        orders=_orders("1", data=LARGE),
        request=(Step("/there", _says(id="new")),),
        response=(Step("/back", _says(count="9")),),
        size=len(LARGE),
    ),
)

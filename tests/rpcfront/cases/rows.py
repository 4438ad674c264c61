"""The form of the tables: a request, and what must come of it over every HTTP face."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pytest

from tests.rpcfront.cases.http_client import Headers, exchange
from tests.support.clients.http import Reply

JSON = (("content-type", "application/json"),)


class _Anything:
    """Equal to whatever stands in its place."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return "..."


ANYTHING: Any = _Anything()


@dataclass(frozen=True)
class Answer:
    """What a reply must be; what is left at its default is not asked about."""

    status: int = 200
    json: Any = ANYTHING
    """The body as a document."""
    body: bytes | None = None
    """The body to the byte."""
    method: str | None = None
    """Which method answered, of those that echo."""
    headers: Mapping[str, Any] = field(default_factory=dict)
    """Values by name: one value, a list of them, or None for a header that must not be there."""
    fields: tuple[str, ...] | None = None
    """What a BadRequest names."""


@dataclass(frozen=True)
class Differs:
    """What one face answers instead, and why it cannot do better."""

    answer: Answer
    why: str


@dataclass(frozen=True)
class Row:
    """One line of a table. `name` says what it shows."""

    name: str
    request: str
    """`GET /path?query`."""
    answer: Answer
    body: bytes | str = b""
    headers: Headers = ()
    listener: Differs | None = None
    wsgi: Differs | None = None

    async def check(self, face: str, port: int) -> None:
        """Sends the request and holds the reply to what this face must answer."""
        method, target = self.request.split(" ", 1)
        body = self.body.encode() if isinstance(self.body, str) else self.body
        differs: Differs | None = {"listener": self.listener, "wsgi": self.wsgi}.get(face)
        reply = await exchange(port, method, target, self.headers, body)
        check_answer(reply, differs.answer if differs is not None else self.answer)


def check_answer(reply: Reply, answer: Answer) -> None:
    """Holds a reply to what it must be."""
    assert reply.status == answer.status, reply
    if answer.json is not ANYTHING:
        assert json.loads(reply.body) == answer.json
    if answer.body is not None:
        assert reply.body == answer.body
    if answer.method is not None:
        assert reply.header("x-method") == answer.method
    for name, expected in answer.headers.items():
        values = [value for key, value in reply.headers if key == name]
        assert values == ([] if expected is None else expected if isinstance(expected, list) else [expected]), name
    if answer.fields is not None:
        assert named_fields(reply) == answer.fields


def named_fields(reply: Reply) -> tuple[str, ...]:
    """The fields that an error's BadRequest names."""
    (detail,) = json.loads(reply.body)["details"]
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    return tuple(violation["field"] for violation in detail["fieldViolations"])


def ok(document: Any = ANYTHING, method: str | None = None, **headers: Any) -> Answer:
    """A JSON answer. Header names are written with underscores."""
    return Answer(json=document, method=method, headers={"content-type": "application/json", **_named(headers)})


def error(status: int, code: int, message: Any = ANYTHING, *, details: Any = ANYTHING, **headers: Any) -> Answer:
    """An error page."""
    page = {"code": code, "message": message, "details": details}
    return Answer(status, json=page, headers={"content-type": "application/json", **_named(headers)})


def connect_error(status: int, code: str, message: Any = ANYTHING, *, details: Any = None, **headers: Any) -> Answer:
    """An error in Connect's form. Without details it has no such key."""
    page = {"code": code, "message": message} | ({} if details is None else {"details": details})
    scheme = {"www_authenticate": "Bearer" if status == 401 else None}
    # Clients of other protocols get the refusals too, and must not take them for Connect's.
    content_type = "application/json; charset=utf-8" if status in {405, 415} else "application/json"
    return Answer(status, json=page, headers={"content-type": content_type, **_named(scheme | headers)})


def bad(*fields: str) -> Answer:
    """INVALID_ARGUMENT that names the fields, in the order of their paths."""
    answer = error(400, 3)
    return Answer(answer.status, answer.json, headers=answer.headers, fields=fields)


def not_allowed(allow: str, **headers: Any) -> Answer:
    """405."""
    return error(405, 12, "method not allowed", details=[], allow=allow, **headers)


def _named(headers: Mapping[str, Any]) -> dict[str, Any]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


NOT_FOUND = error(404, 5, "no such path", details=[])
MALFORMED = error(400, 3, details=[])
UNSUPPORTED = error(415, 3, details=[])
RPC_NOT_ALLOWED = connect_error(405, "unknown", "method not allowed", allow="OPTIONS, POST")


def rpc_unsupported(expected: str) -> Answer:
    """415 on the path of an RPC, which says what may be sent there."""
    return connect_error(415, "unknown", f"the content type must be {expected}")


RPC_UNSUPPORTED = rpc_unsupported("application/json or application/proto, or one of gRPC-Web's")
GRPC_UNSUPPORTED = rpc_unsupported(
    "application/json or application/proto, or one of gRPC-Web's; native gRPC needs HTTP/2"
)
STREAM_UNSUPPORTED = rpc_unsupported(
    "application/connect+json or application/connect+proto, or one of gRPC-Web's",
)


class Named(Protocol):
    """A line of any table."""

    @property
    def name(self) -> str:
        """What it shows."""


def parametrize(rows: Iterable[Named]) -> pytest.MarkDecorator:
    """A table as the parameters of a test."""
    table = list(rows)
    names = [row.name for row in table]
    assert len(set(names)) == len(names), "two rows of one name"
    return pytest.mark.parametrize("row", table, ids=names)

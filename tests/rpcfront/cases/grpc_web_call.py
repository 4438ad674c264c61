"""The form of gRPC-Web's table: a call, and how it must end."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import json_format

from tests.rpcfront.cases.grpc_web_reply import BINARY, read
from tests.rpcfront.cases.http_client import Headers, exchange
from tests.support.services.fixture_protos import message_class


def frame(message: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(message)) + message


def message(full_name: str = "t.v1.Req", **fields: Any) -> bytes:
    """The bytes of a message of the fixture."""
    return message_class(full_name)(**fields).SerializeToString()


@dataclass(frozen=True)
class Call:
    """One line of the table."""

    name: str
    method: str
    body: bytes
    code: int = 0
    answers: tuple[Any, ...] = ()
    """The messages of the answer, as JSON."""
    content_type: str = BINARY
    headers: Headers = ()
    text: str | None = None
    """The message of the status; None when it does not matter."""
    accept: str | None = None
    answer_type: str = BINARY
    answer: str = "t.v1.Req"
    initial: Mapping[str, str] = field(default_factory=dict)
    trailing: Mapping[str, str] = field(default_factory=dict)

    async def check(self, port: int) -> None:
        """Makes the call and holds the answer to what it must be."""
        headers = [("content-type", self.content_type), *self.headers]
        if self.accept is not None:
            headers.append(("accept", self.accept))
        path = self.method if "/" in self.method else f"/t.v1.T/{self.method}"
        reply = read(await exchange(port, "POST", path, headers, self.body))
        assert (reply.code, reply.content_type) == (self.code, self.answer_type), reply.text
        assert self.text is None or reply.text == self.text
        answers = [message_class(self.answer).FromString(data) for data in reply.messages]
        assert tuple(json_format.MessageToDict(answer) for answer in answers) == self.answers
        assert self.initial.items() <= dict(reply.headers).items()
        assert self.trailing.items() <= dict(reply.trailers).items()

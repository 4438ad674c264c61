"""How a call ends, as its request itself asks for: nearly every message of the services has a text field that says it.

So what must come of a request that arrives as it was made is known.
"""

import re
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import grpc
from google.protobuf import duration_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from tests.support.services import echo

NASTY_TEXT = "aborted: 100% ü\r\ngrpc-status: 0"
RICH_TEXT = "not yet: 100% ü"
_NO_CONTENT_TYPE = re.compile(r"[^\x21-\x7e]+")


class ServicerError(Exception):
    """The one exception that a servicer here lets escape, and the one that may be in the log."""


class Ending(NamedTuple):
    """How a call ends that a request has asked for."""

    act: Callable[[Any, int], None]
    """Does it, by the context and the number that the request gave, when all messages are out."""
    code: int | None = code_pb2.OK
    """None for the one that the request names."""
    text: str | None = ""
    """None where it is for the gateway to find."""
    begin: Callable[[Any], Any] | None = None
    """Before the first message; answers what grpc.aio would have one await."""


def _abort(context: Any, number: int) -> None:
    context.abort(CODES[code_of(number)], NASTY_TEXT, (("x-why", "because"), ("x-why-bin", b"\xff")))


@cache
def rich_status() -> status_pb2.Status:
    """With a detail of each kind: one that HTTP has a header for, one of an unknown type, one that is not its type."""
    status: status_pb2.Status = echo.rich_status()
    status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=1, nanos=1)))
    status.details.add(type_url="type.googleapis.com/no.such.Type", value=b"\xff\x00")
    status.details.add(type_url="type.googleapis.com/google.rpc.ErrorInfo", value=b"\xff\x00")
    return status


def _rich(context: Any, _number: int) -> None:
    context.abort_with_status(rpc_status.to_status(rich_status()))


def _set(context: Any, _number: int) -> None:
    context.set_code(grpc.StatusCode.DATA_LOSS)
    context.set_details(NASTY_TEXT)


def _raise(_context: Any, _number: int) -> None:
    raise ServicerError("a secret of the servicer: Traceback, object at 0x")


def _set_and_raise(context: Any, number: int) -> None:
    _set(context, number)
    _raise(context, number)


def _cancel(context: Any, _number: int) -> None:
    context.cancel()


def _initial(context: Any) -> Any:
    return context.send_initial_metadata((("x-initial", "one"), ("x-initial", "two"), ("x-initial-bin", b"\xff\x00")))


def _trailing(context: Any, _number: int) -> None:
    context.set_trailing_metadata((("x-trailing", " two "), ("x-trailing-bin", b""), ("x-trailing-bin", b"\xff")))


def _nothing(_context: Any, _number: int) -> None:
    """As the request comes back."""


CODES = {code.value[0]: code for code in grpc.StatusCode}
ENDINGS = {
    "abort": Ending(_abort, None, NASTY_TEXT),
    "rich": Ending(_rich, code_pb2.FAILED_PRECONDITION, RICH_TEXT),
    "set": Ending(_set, code_pb2.DATA_LOSS, NASTY_TEXT),
    "raise": Ending(_raise, code_pb2.INTERNAL, "internal error"),
    "set and raise": Ending(_set_and_raise, code_pb2.DATA_LOSS, NASTY_TEXT),
    "cancel": Ending(_cancel, code_pb2.CANCELLED, None),
    "metadata": Ending(_trailing, begin=_initial),
    "wait": Ending(_nothing),
    "linger": Ending(_nothing),
}
WAITS = {"wait": (0.001, 0.2), "linger": (0.1, 0.0005)}
"""Of what takes its time: how many seconds, and how seldom it may be asked for."""
AS_IT_CAME = Ending(_nothing)


def code_of(number: int) -> int:
    """The code of an error that a number of a request stands for."""
    return 1 + number % 16


def ending_of(request: Any) -> tuple[str, int]:
    """What a request asks for, and its number."""
    match request.DESCRIPTOR.full_name:
        case "t.v1.Req":
            return request.weird, request.i32
        case "echo.v1.Note":
            return request.text, request.code
    return "", 0


def answers(method: MethodDescriptor, request: Any) -> list[Any]:
    """The messages of the answer, as far as it goes well."""
    response_class = GetMessageClass(method.output_type)
    number = request.i32 % 4 if method.input_type.full_name == "t.v1.Req" else 1
    if method.name == "Chunks":
        kind = _content_type(request.name)
        return [response_class(content_type=kind, data=text.encode()) for text in request.rs]
    if method.output_type is method.input_type:
        return [request] * (number if method.server_streaming else 1)
    match method.output_type.full_name:
        case "google.api.HttpBody":
            return [response_class(content_type=_content_type(request.name), data=request.by)]
        case "t.v1.Many":
            return [response_class(subs=request.subs, names=request.rs)]
    return [response_class()]


def _content_type(text: str) -> str:
    """One that a header can hold: a servicer that says another has failed."""
    return _NO_CONTENT_TYPE.sub("", text)


class Expected(NamedTuple):
    """How a call of an untouched request ends."""

    messages: list[Message]
    code: int
    text: str | None


def expected(method: MethodDescriptor, request: Message) -> Expected:
    """What must come of a call that arrives as it was made."""
    asked, number = ending_of(request)
    ending = ENDINGS.get(asked, AS_IT_CAME)
    code = code_of(number) if ending.code is None else ending.code
    messages = answers(method, request) if method.server_streaming or code == code_pb2.OK else []
    return Expected(messages, code, ending.text)

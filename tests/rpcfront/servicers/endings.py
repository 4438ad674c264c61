"""Small servicers, each of which ends its calls in another way."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_status import rpc_status

from tests.rpcfront.servicers.forms import Does
from tests.support.services import echo

CODES = {code.value[0]: code for code in grpc.StatusCode}
SECRET = "a secret of the servicer"


class Echoes(Does):
    """Answers what it is asked; a stream says it three times."""

    before = 2


class AnswersNoMessages:
    """Streams that end well before they have begun."""

    async def AsyncStream(self, request: Any, context: Any) -> AsyncIterator[Any]:
        return
        yield

    async def WrittenStream(self, request: Any, context: Any) -> None:
        return

    def PlainStream(self, request: Any, context: Any) -> Iterator[Any]:
        yield from ()


class Aborts(Does):
    """Aborts with the code and the text that it is asked for."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield context.abort(CODES[request.code], request.text)


class AbortsInTheMiddle(Aborts):
    """Aborts when a stream has begun."""

    before = 2


class AbortsRichly(Does):
    """Aborts with a google.rpc.Status that has details."""

    before = 1

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield context.abort_with_status(rpc_status.to_status(echo.rich_status()))


class AbortsAndGoesOn(AbortsRichly):
    """Catches what its own abort raises, as a broad `except` does by mistake, and answers."""

    before = 0
    catches = True


class AbortsWithOk(Does):
    """Gives up with OK, which is no reason."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield context.abort(grpc.StatusCode.OK, SECRET)


class SetsACode(Does):
    """Leaves a code behind and answers."""

    before = 1

    def do(self, request: Any, context: Any) -> Iterator[object]:
        context.set_code(grpc.StatusCode.DATA_LOSS)
        context.set_details("half")
        yield None


class SetsACodeAndRaises(Does):
    """Says by set_code how the call ends, and leaves by an exception."""

    before = 1

    def do(self, request: Any, context: Any) -> Iterator[object]:
        context.set_code(grpc.StatusCode.NOT_FOUND)
        context.set_details("no such thing")
        yield None
        raise RuntimeError(SECRET)


class IsNotImplemented:
    """What protoc generates for a method that nobody has written yet: that of a service which is installed."""

    Plain = health_pb2_grpc.HealthServicer.Check
    PlainStream = health_pb2_grpc.HealthServicer.Watch


class Raises(Does):
    """Fails, with a text that is nobody's business."""

    error: type[Exception] = RuntimeError

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield None
        raise self.error(SECRET)


class RaisesInTheMiddle(Raises):
    """Fails when a stream has begun."""

    before = 2


class RaisesATimeout(Raises):
    """Lets an error of its own escape that a server could mistake for the call's deadline."""

    error = TimeoutError


class RaisesAnRpcError(Raises):
    """Lets the error of a call of its own escape: one that its caller did not make."""

    error = grpc.RpcError


class RaisesStopIteration:
    """Lets the one exception escape that means something to whoever runs a generator or waits for a future."""

    async def Async(self, request: Any, context: Any) -> Any:
        raise StopIteration(SECRET)

    def Plain(self, request: Any, context: Any) -> Any:
        raise StopIteration(SECRET)


class RaisesCancelledError(Does):
    """Lets the end of something else escape that was cancelled: its own call was not."""

    before = 1

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield None
        raise asyncio.CancelledError


class Exits(Does):
    """Calls what calls sys.exit: a parser of command lines, say."""

    before = 1

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield None
        sys.exit(SECRET)


class AnswersNothing(Does):
    """Forgets its answer."""

    before = 1

    def answer(self, request: Any) -> Any:
        return None


class AnswersAnotherType(Does):
    """Answers with a message, but not with the method's."""

    before = 1

    def answer(self, request: Any) -> Any:
        return error_details_pb2.ErrorInfo(reason=SECRET)

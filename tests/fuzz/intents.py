"""Whether a request that arrived as it was made got the answer that it asked for."""

from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2

from tests.fuzz import due
from tests.fuzz.cases.inputs import GrpcInput, HttpInput, Intent
from tests.fuzz.cases.messages import encoded
from tests.fuzz.endings import RICH_TEXT, expected, rich_status
from tests.fuzz.readings import require
from tests.fuzz.senders.answers import Told
from tests.fuzz.service import methods


def check(intent: Intent, told: Told, request: object) -> None:
    """Raises MalformedError when the answer is well-formed, but another's."""
    service, _, name = intent.method.rpartition(".")
    method = methods()[f"/{service}/{name}"]
    end = expected(method, GetMessageClass(method.input_type).FromString(intent.request))
    if due.is_stream(method) and _is_unary_connect(request):
        require(told.code == code_pb2.UNIMPLEMENTED, "a unary call of Connect has no stream", told)
        return
    if method.client_streaming and told.form == due.GRPC_WEB:
        require(told.code == code_pb2.UNIMPLEMENTED, "gRPC-Web has no stream of requests", told)
        return
    require(told.code == end.code, "the call ends with the code that it asked for", end.code, told)
    require(end.text is None or told.text == end.text, "the error has its text", end.text, told)
    messages = tuple(map(encoded, end.messages))
    if isinstance(request, GrpcInput) and told.code != code_pb2.OK:
        # The core of grpcio's client throws away what it has not handed over when the error comes.
        messages = messages[: len(told.messages)]
    require(told.messages == messages, "the messages are the servicer's", end.messages, told)
    if end.text == RICH_TEXT:
        require(told.details == rich_status(), "a rich status arrives whole", told)


def _is_unary_connect(request: object) -> bool:
    if not isinstance(request, HttpInput) or due.rpc(request) is None:
        return False
    return due.essence(dict(request.headers).get("content-type", "")) in due.CONNECT_TYPES

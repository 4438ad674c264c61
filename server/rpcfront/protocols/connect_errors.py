"""A google.rpc.Status in Connect's form: `{"code": "not_found", "message": …, "details": […]}`.

This is the form of every JSON error on the path of an RPC.
"""

from contextlib import suppress

import orjson
from google.protobuf import any_pb2, descriptor_pool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, status_pb2

from rpcfront.calls.dispatch import Outcome
from rpcfront.calls.protobuf import UNKNOWN_METHOD
from rpcfront.metadata import to_base64
from rpcfront.protocols.http import JSON_TYPE, HttpResponse
from rpcfront.protocols.json_errors import error_response
from rpcfront.status import HTTP_STATUS
from rpcfront.transcoding.json.codec import JsonCodec
from rpcfront.transcoding.json.wellknown import find_type

_TYPE_PREFIX = "type.googleapis.com/"

# The names of codes are those of google.rpc.Code in lower case, except one.
_NAMES = {number: name.lower() for name, number in code_pb2.Code.items()} | {code_pb2.CANCELLED: "canceled"}

# HTTP statuses that say why a request is no call, and the code with each; None is the error's own. Clients read
# `unknown` from the first two, and the conformance suite expects it. A call has the HTTP status of its code, to which
# clients compare it: a body over the limit is 429 here, not 413.
# Clients of gRPC and gRPC-Web get them too. By Connect's content type to the letter, they would take the body for an
# error of Connect's, which they do not read.
_REFUSAL_TYPE = f"{JSON_TYPE}; charset=utf-8"
_REFUSALS = {405: code_pb2.UNKNOWN, 415: code_pb2.UNKNOWN, 417: None, 431: None}


class ConnectErrors:
    """Writes errors as the Connect specification says ("Error End-Stream", "Unary-Response")."""

    def __init__(self, codec: JsonCodec) -> None:
        self._codec = codec

    def response(self, outcome: Outcome) -> HttpResponse:
        """Return the response to a unary call that has failed, or to a request that is no call."""
        status = outcome.status
        if status is None:
            raise ValueError("not an error")
        http_status = HTTP_STATUS.get(status.code, 500)
        if status is UNKNOWN_METHOD:
            # A path that does not exist is a 404 in every protocol.
            http_status = 404
        elif outcome.http_status in _REFUSALS:
            http_status = outcome.http_status
            code = _REFUSALS[http_status]
            status = status_pb2.Status(code=code or status.code, message=status.message, details=status.details)
        return error_response(
            status, http_status, self.print(status), _REFUSAL_TYPE if http_status in _REFUSALS else JSON_TYPE
        )

    def print(self, status: status_pb2.Status) -> bytes:
        """Return the JSON of an error."""
        return orjson.dumps(self.to_json(status))

    def to_json(self, status: status_pb2.Status) -> dict[str, object]:
        """Return an error as a JSON-ready dict."""
        error: dict[str, object] = {"code": _NAMES.get(status.code, "unknown"), "message": status.message}
        if status.details:
            error["details"] = [self._detail(detail) for detail in status.details]
        return error

    def _detail(self, detail: any_pb2.Any) -> dict[str, object]:
        """Return a detail's type and bytes, and its JSON for debugging if the type is known."""
        entry: dict[str, object] = {
            "type": detail.type_url.removeprefix(_TYPE_PREFIX),
            "value": to_base64(detail.value),
        }
        descriptor = find_type(descriptor_pool.Default(), detail.type_url)
        if descriptor is not None:
            # The bytes may not be of that type. That is the servicer's mistake, and no reason to fail here.
            with suppress(DecodeError, ValueError):
                message = GetMessageClass(descriptor).FromString(detail.value)
                entry["debug"] = orjson.Fragment(self._codec.encode(message))
        return entry

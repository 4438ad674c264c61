"""A google.rpc.Status in Connect's form: `{"code": "not_found", "message": …, "details": […]}`."""

from contextlib import suppress

import orjson
from google.protobuf import any_pb2, descriptor_pool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, status_pb2

from rpcfront.metadata import to_base64
from rpcfront.transcoding.json.codec import JsonCodec
from rpcfront.transcoding.json.wellknown import find_type

_TYPE_PREFIX = "type.googleapis.com/"

# The names of codes are those of google.rpc.Code in lower case, except one.
_NAMES = {number: name.lower() for name, number in code_pb2.Code.items()} | {code_pb2.CANCELLED: "canceled"}


class ConnectErrors:
    """Writes errors as the Connect specification says ("Error End-Stream", "Unary-Response")."""

    def __init__(self, codec: JsonCodec) -> None:
        self._codec = codec

    def print(self, status: status_pb2.Status) -> bytes:
        """Return the JSON of an error."""
        return orjson.dumps(self.to_json(status))

    def to_json(self, status: status_pb2.Status) -> dict[str, object]:
        """Return an error as a JSON-ready dict."""
        error: dict[str, object] = {"code": _NAMES[status.code], "message": status.message}
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

"""Errors as JSON over HTTP: google.rpc.Status in its proto3 JSON form.

This is the form on the routes of google.api.http annotations, on mounts, and on paths that nothing serves.
"""

import base64
from collections.abc import Iterable

import orjson
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2

from rpcfront.calls.dispatch import Outcome
from rpcfront.protocols.http import JSON_TYPE, Headers, HttpResponse
from rpcfront.status import HTTP_STATUS, StatusError
from rpcfront.transcoding.json.codec import JsonCodec


class JsonErrors:
    """Turns a google.rpc.Status into a JSON response: `{"code", "message", "details"}`."""

    def __init__(self, codec: JsonCodec) -> None:
        self._codec = codec

    def response(self, outcome: Outcome) -> HttpResponse:
        """Return the response to a call that has failed."""
        status = outcome.status
        if status is None:
            raise ValueError("not an error")
        return error_response(status, outcome.http_status or HTTP_STATUS.get(status.code, 500), self.body(status))

    def refuse(self, error: StatusError) -> HttpResponse:
        """Return the response to a request that reached no method."""
        return self.response(Outcome(status=error.status, http_status=error.http_status))

    def body(self, status: status_pb2.Status) -> bytes:
        """Return the JSON of a status, always with all three keys."""
        details = b",".join(self._detail(detail) for detail in status.details)
        return b'{"code":%d,"message":%s,"details":[%s]}' % (status.code, orjson.dumps(status.message), details)

    def _detail(self, detail: any_pb2.Any) -> bytes:
        try:
            return self._codec.encode(detail)
        except ValueError:
            # The bytes are not of the detail's type. The codec itself writes unknown types in this form.
            value = base64.b64encode(detail.value).decode("ascii")
            return orjson.dumps({"@type": detail.type_url, "value": value})


def error_response(
    status: status_pb2.Status, http_status: int, body: bytes, content_type: str = JSON_TYPE
) -> HttpResponse:
    """Return the response with this JSON for a body, and the headers that an error has in whatever form."""
    headers = [("content-type", content_type)]
    if http_status == 401:
        headers.append(("www-authenticate", "Bearer"))
    headers += _retry_after(status.details)
    return HttpResponse(http_status, headers, body)


def _retry_after(details: Iterable[any_pb2.Any]) -> Headers:
    """Return the Retry-After (RFC 9110, 10.2.3) of a google.rpc.RetryInfo: whole seconds, rounded up."""
    for detail in details:
        if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            info = error_details_pb2.RetryInfo.FromString(detail.value)
            delay: duration_pb2.Duration = info.retry_delay
            return [("retry-after", str(max(0, delay.seconds + (delay.nanos > 0))))]
    return []

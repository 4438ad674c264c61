"""The one internal form of an HTTP request and its answer.

The edges (JSON, gRPC-Web) know nothing else of HTTP; the server faces (RSGI, WSGI) are thin adapters over it.
"""

import base64
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import orjson
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from server.gateway.context import ServicerContext
from server.gateway.dispatch import Outcome
from server.gateway.metadata import Metadata, from_headers, parse_timeout
from server.gateway.status import HTTP_STATUS, StatusError, refusal
from server.gateway.transcoding.codec import Codec

Headers = list[tuple[str, str]]

JSON_TYPE = "application/json"


class MediaType(NamedTuple):
    """RFC 9110, section 8.3.1."""

    essence: str
    """`type/subtype` in lower case."""
    charset: str
    """In lower case; empty when none is named."""


@lru_cache(maxsize=64)  # clients are of few kinds
def parse_media_type(text: str) -> MediaType:
    """What a Content-Type header, or one element of an Accept header, says."""
    essence, *parameters = text.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    named = {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}
    return MediaType(essence.strip().lower(), named.get("charset", "").lower())


@dataclass(slots=True)
class HttpRequest:
    """A request whose head has arrived."""

    method: str
    path: str
    """Starts with a slash; percent-encoded unless `path_is_decoded`."""
    query: str
    headers: Headers
    """Names in lower case, repeats kept."""
    read: Callable[[int, int], Awaitable[bytes]]
    """`(limit, framing)`: answers the whole body. Raises StatusError when it is longer than a message of `limit` bytes
    and the `framing` around it (413), comes too slowly (408) or is cut short."""
    peer: str = ""
    """As grpcio writes it: `ipv4:127.0.0.1:50000`."""
    path_is_decoded: bool = False

    def header(self, name: str) -> str | None:
        """The first value of a header, None without one."""
        for key, value in self.headers:
            if key == name:
                return value
        return None

    def media_type(self) -> "MediaType":
        """The content type; without one its essence is empty."""
        return parse_media_type(self.header("content-type") or "")


@dataclass(slots=True)
class HttpResponse:
    """An answer, whole."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


class HttpContext(ServicerContext):
    """The context of a call that came over HTTP: its metadata and deadline stand in the headers."""

    __slots__ = ("_headers",)
    outlives_cancellation = True

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(None, request.peer)
        self._headers = request.headers

    def authorization(self) -> list[str]:
        return [value for key, value in self._headers if key == "authorization"]

    @property
    def deadline(self) -> float | None:
        return self._deadline

    def begin(self) -> None:
        for key, value in self._headers:
            if key == "grpc-timeout":
                self._deadline = time.monotonic() + parse_timeout(value)
            elif self._invocation is None and key.endswith("-bin"):
                self._invocation = from_headers(self._headers)

    def invocation_metadata(self) -> Metadata:
        # Few servicers ask, so it is read when one does; what could be malformed, `begin` has read.
        if self._invocation is None:
            self._invocation = from_headers(self._headers)
        return self._invocation


def too_large(limit: int) -> StatusError:
    """For a body of more than `limit` bytes."""
    text = f"the request is larger than the limit of {limit} bytes"
    return refusal(code_pb2.RESOURCE_EXHAUSTED, text, http_status=413)


def too_slow(seconds: float) -> StatusError:
    """For a body that has not arrived within `seconds`."""
    text = f"the request's body did not arrive within {seconds:g} seconds"
    return refusal(code_pb2.DEADLINE_EXCEEDED, text, http_status=408)


def cut_short() -> StatusError:
    """For a body that ended before its end: nobody is left to read this."""
    return refusal(code_pb2.CANCELLED, "the request's body was cut short")


def unsupported_media_type(expected: str) -> StatusError:
    """For a content type, charset or content encoding that the path does not take."""
    text = f"the content type must be {expected}"
    return refusal(code_pb2.INVALID_ARGUMENT, text, http_status=415)


class ErrorPages:
    """Writes a google.rpc.Status as JSON: `{"code", "message", "details"}`, whatever went wrong."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec

    def response(self, outcome: Outcome) -> HttpResponse:
        """The answer to a call that failed."""
        status = outcome.status
        if status is None:
            raise ValueError("not an error")
        http_status = outcome.http_status or HTTP_STATUS.get(status.code, 500)
        headers = [("content-type", JSON_TYPE)]
        if http_status == 401:
            headers.append(("www-authenticate", "Bearer"))
        headers += _retry_after(status.details)
        return HttpResponse(http_status, headers, self.body(status))

    def refuse(self, error: StatusError, headers: Iterable[tuple[str, str]] = ()) -> HttpResponse:
        """The answer to a request that reached no method."""
        response = self.response(Outcome(status=error.status, http_status=error.http_status))
        response.headers += headers
        return response

    def body(self, status: status_pb2.Status) -> bytes:
        """The JSON of a status; all three keys are always there."""
        details = b",".join(self._detail(detail) for detail in status.details)
        return b'{"code":%d,"message":%s,"details":[%s]}' % (status.code, orjson.dumps(status.message), details)

    def _detail(self, detail: any_pb2.Any) -> bytes:
        try:
            return self._codec.encode(detail)
        except ValueError:
            # A detail whose bytes are not of its type; an unknown type the codec writes in this form by itself.
            value = base64.b64encode(detail.value).decode("ascii")
            return orjson.dumps({"@type": detail.type_url, "value": value})


def _retry_after(details: Iterable[any_pb2.Any]) -> Headers:
    """RFC 9110, section 10.2.3, from a google.rpc.RetryInfo: whole seconds, rounded up."""
    for detail in details:
        if detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            info = error_details_pb2.RetryInfo.FromString(detail.value)
            delay: duration_pb2.Duration = info.retry_delay
            return [("retry-after", str(max(0, delay.seconds + (delay.nanos > 0))))]
    return []

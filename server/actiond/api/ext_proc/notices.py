"""Lines in the log for the operator of Envoy: why calls are refused, and which setting to change."""

import enum
import logging
import time
from collections.abc import Callable

INTERVAL = 10.0
"""Seconds between two lines of one kind."""

_log = logging.getLogger(__name__)


class Notice(enum.Enum):
    """What is wrong with an Envoy's configuration, or with ours. The value is the line, after the call's path."""

    REQUEST_HEADERS_SKIPPED = "its headers were not sent: set processing_mode.request_header_mode to SEND"
    NO_MODES = "its first message has no protocol_config: this Envoy is too old to say which bodies it sends"
    REQUEST_BODY = "its message was not going to be sent whole: set processing_mode.request_body_mode to BUFFERED"
    RESPONSE_BODY = "its response was not going to be sent: set processing_mode.response_body_mode to STREAMED"
    RESPONSE_STREAM = (
        "its stream of responses was going to wait for the last one: set processing_mode.response_body_mode to STREAMED"
    )
    FULL_DUPLEX = (
        "FULL_DUPLEX_STREAMED has no message timeout and is not served: set processing_mode.request_body_mode to"
        " BUFFERED and response_body_mode to STREAMED"
    )
    GRPC_MODE = (
        "Envoy passes bodies by the processor in the mode GRPC: set processing_mode.request_body_mode to BUFFERED and"
        " response_body_mode to STREAMED"
    )
    RESPONSE_HEADERS_SKIPPED = "its response's headers were not sent: set processing_mode.response_header_mode to SEND"
    RESPONSE_TRAILERS_SKIPPED = (
        "its response execution has failed, but Envoy sent no trailers, so that the client may have seen a stream that"
        " ended well: set processing_mode.response_trailer_mode to SEND"
    )
    OBSERVED = "observability_mode is on, in which Envoy ignores the answers: no execution runs, and every call passes"
    GRPC_WEB = "ext_proc sees gRPC-Web: put it behind envoy.filters.http.grpc_web in http_filters"
    NOT_GRPC = (
        "an execution is set for it, but its content type is not gRPC's: put ext_proc behind"
        " envoy.filters.http.grpc_json_transcoder in http_filters if clients send JSON"
    )
    UNKNOWN_METHOD = (
        "an execution is set for it, but its messages are not known: give actiond the service's --descriptor-set, or"
        " --reflect its server"
    )
    OTHER_SPELLING = "an execution is set for a method whose path it spells differently"
    UNAUTHENTICATED = (
        "Envoy has no valid token with the permission execution.process: set grpc_service.initial_metadata to"
        " {key: authorization, value: 'Bearer <token>'}"
    )


class Notices:
    """Writes each kind of line at most once in INTERVAL seconds, with the number of those that were left out."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[Notice, float] = {}
        self._left_out: dict[Notice, int] = {}

    def write(self, notice: Notice, path: str, reason: object = "") -> None:
        """Write a line about the call with this path, unless it is too early for another of its kind."""
        now = self._clock()
        if now < self._due.get(notice, now):
            self._left_out[notice] = self._left_out.get(notice, 0) + 1
            return
        self._due[notice] = now + INTERVAL
        left_out = self._left_out.pop(notice, 0)
        _log.warning(
            "ext_proc: %.300r: %s%s%s",
            path,
            notice.value,
            f" ({reason})" if reason else "",
            f"; {left_out} more since the last such line" if left_out else "",
        )

"""The filter's processing modes: which would let an execution see too little, and which are asked for instead."""

from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import ProcessingMode, ProtocolConfiguration
from google.protobuf.descriptor import MethodDescriptor

from actiond.api.ext_proc.notices import Notice

_SEND, _SKIP = ProcessingMode.SEND, ProcessingMode.SKIP
_REFUSED = {
    ProcessingMode.FULL_DUPLEX_STREAMED: Notice.FULL_DUPLEX,
    ProcessingMode.GRPC: Notice.GRPC_MODE,
}
_REQUEST_MODES = (ProcessingMode.BUFFERED, ProcessingMode.STREAMED)
_RESPONSE_MODES = (ProcessingMode.STREAMED, ProcessingMode.BUFFERED)


def refusal(config: ProtocolConfiguration | None, method: MethodDescriptor, *, has_response: bool) -> Notice | None:
    """Return why an execution of this method would not see all that it must; None if it does.

    config: what a stream's first message says; None if it says nothing.
    has_response: whether a response execution fits, and not only a request execution. Either needs the request.
    """
    if config is None:
        return Notice.NO_MODES
    request, response = config.request_body_mode, config.response_body_mode
    refused = _REFUSED.get(request) or _REFUSED.get(response)
    if refused is not None:
        return refused
    if request not in _REQUEST_MODES:
        return Notice.REQUEST_BODY
    if not has_response:
        return None
    if response not in _RESPONSE_MODES:
        return Notice.RESPONSE_BODY
    if response == ProcessingMode.BUFFERED and method.server_streaming:
        return Notice.RESPONSE_STREAM
    return None


def sends_requests(config: ProtocolConfiguration) -> bool:
    """Return whether a request's body would have been sent before its response, whatever becomes of its headers."""
    return config.request_body_mode in _REQUEST_MODES


def override(method: MethodDescriptor, *, has_response: bool) -> ProcessingMode | None:
    """Return the modes for a method with a stream of requests, whose messages must not wait for the last one.

    Envoy ignores it unless the filter has allow_mode_override. None for any other method.
    """
    if not method.client_streaming:
        return None
    return ProcessingMode(
        response_header_mode=_SEND if has_response else _SKIP,
        request_body_mode=ProcessingMode.STREAMED,
        response_body_mode=ProcessingMode.STREAMED if has_response else ProcessingMode.NONE,
        response_trailer_mode=_SEND if has_response else _SKIP,
    )

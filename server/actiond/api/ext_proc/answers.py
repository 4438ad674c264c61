"""What Envoy is answered: one ProcessingResponse for each ProcessingRequest.

Constant ones are made once, and must not be changed.
"""

from collections.abc import Iterable, Mapping

from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import (
    BodyMutation,
    BodyResponse,
    CommonResponse,
    GrpcStatus,
    HeaderMutation,
    HeadersResponse,
    HeaderValue,
    HeaderValueOption,
    HttpStatus,
    ImmediateResponse,
    ProcessingMode,
    ProcessingResponse,
    StatusCode,
    TrailersResponse,
)
from google.rpc import status_pb2

from rpcfront import DETAILS_KEY, percent_encode, to_base64

GO_ON: Mapping[str, ProcessingResponse] = {
    "request_headers": ProcessingResponse(request_headers=HeadersResponse()),
    "response_headers": ProcessingResponse(response_headers=HeadersResponse()),
    "request_body": ProcessingResponse(request_body=BodyResponse()),
    "response_body": ProcessingResponse(response_body=BodyResponse()),
    "request_trailers": ProcessingResponse(request_trailers=TrailersResponse()),
    "response_trailers": ProcessingResponse(response_trailers=TrailersResponse()),
}
"""The answers that change nothing, by the kind of the message that is answered."""

_OVERWRITE = HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD


def headers(kind: str, change: Mapping[str, str], mode: ProcessingMode | None = None) -> ProcessingResponse:
    """Answer headers: set some, and remove `content-length`, as the body may become another.

    mode: overrides the filter's, where the operator allows it.
    """
    if not change and mode is None:
        return _WITHOUT_LENGTH[kind]
    return _headers(kind, change, mode)


def _headers(kind: str, change: Mapping[str, str], mode: ProcessingMode | None = None) -> ProcessingResponse:
    mutation = HeaderMutation(set_headers=_options(change.items()), remove_headers=["content-length"])
    answer = HeadersResponse(response=CommonResponse(header_mutation=mutation))
    return ProcessingResponse(**{kind: answer}, mode_override=mode)  # type: ignore[arg-type]  # one of GO_ON's keys


def body(kind: str, data: bytes) -> ProcessingResponse:
    """Answer a chunk of a body: put `data` in its place."""
    mutation = BodyMutation(body=data) if data else BodyMutation(clear_body=True)
    answer = BodyResponse(response=CommonResponse(body_mutation=mutation))
    return ProcessingResponse(**{kind: answer})  # type: ignore[arg-type]  # see above


def trailers(status: status_pb2.Status) -> ProcessingResponse:
    """Answer the response's trailers: the call ends with this status instead."""
    fields = _status_fields(status)
    mutation = HeaderMutation(
        set_headers=_options(fields.items()),
        remove_headers=[name for name in ("grpc-message", DETAILS_KEY) if name not in fields],
    )
    return ProcessingResponse(response_trailers=TrailersResponse(header_mutation=mutation))


def ended(status: status_pb2.Status, fields: Mapping[str, str]) -> ProcessingResponse:
    """End the proxied call with a gRPC status, whatever the client's protocol.

    Beside `grpc_status`, which native gRPC needs, the status is in headers: for a gRPC-Web or JSON client Envoy asks
    the content type that the request came with, and does not take the call for one of gRPC.
    """
    change = {"content-type": "application/grpc", **_status_fields(status), **fields}
    return ProcessingResponse(
        immediate_response=ImmediateResponse(
            status=HttpStatus(code=StatusCode.OK),
            headers=HeaderMutation(set_headers=_options(change.items())),
            grpc_status=GrpcStatus(status=status.code),
            details="actiond",
        )
    )


def ended_as_http(code: StatusCode, text: str) -> ProcessingResponse:
    """End a proxied request that is not gRPC."""
    change = {"content-type": "text/plain"}
    return ProcessingResponse(
        immediate_response=ImmediateResponse(
            status=HttpStatus(code=code),
            headers=HeaderMutation(set_headers=_options(change.items())),
            body=text.encode(),
            details="actiond",
        )
    )


def _status_fields(status: status_pb2.Status) -> dict[str, str]:
    fields = {"grpc-status": str(status.code)}
    if status.message:
        fields["grpc-message"] = percent_encode(status.message)
    if status.details:
        fields[DETAILS_KEY] = to_base64(status.SerializeToString())
    return fields


def _options(fields: Iterable[tuple[str, str]]) -> list[HeaderValueOption]:
    return [
        HeaderValueOption(header=HeaderValue(key=key, raw_value=value.encode()), append_action=_OVERWRITE)
        for key, value in fields
    ]


_WITHOUT_LENGTH: Mapping[str, ProcessingResponse] = {
    kind: _headers(kind, {}) for kind in ("request_headers", "response_headers")
}
"""What `headers` answers where nothing is set: for most calls that executions run for."""

"""CreateTarget as it is sent over each protocol, and the check of its response."""

from actiond_protos.zitadel.action.v3alpha import action_service_pb2, target_pb2
from google.protobuf.duration_pb2 import Duration

SERVICE = action_service_pb2.DESCRIPTOR.services_by_name["ActionService"]
METHOD = f"/{SERVICE.full_name}/CreateTarget"
JSON_PATH = "/v3alpha/targets"
NUMBER = b"00000000"
"""Contained once in each request, in the name."""
JSON_TYPE = {"content-type": "application/json"}
WEB_TYPE = {"content-type": "application/grpc-web+proto"}

# With every kind of field that the request has.
PROTOBUF = action_service_pb2.CreateTargetRequest(
    name="bench-00000000",
    rest_webhook=target_pb2.SetRESTWebhook(interrupt_on_error=True),
    timeout=Duration(seconds=10),
    endpoint="https://example.com/hook",
).SerializeToString()
JSON = (
    b'{"name":"bench-00000000","restWebhook":{"interruptOnError":true},'
    b'"timeout":"10s","endpoint":"https://example.com/hook"}'
)


def frame(flags: int, payload: bytes) -> bytes:
    """Return a gRPC frame: a message, or trailers with the flag 0x80."""
    return bytes([flags]) + len(payload).to_bytes(4, "big") + payload


WEB = frame(0, PROTOBUF)


def is_good(answer: bytes) -> bool:
    """Return whether a target was created: 201, or grpc-status 0, which Envoy's JSON has in the headers of a 200."""
    if answer.startswith(b"HTTP/1.1 201 "):
        return True
    # Not every server writes a space after a trailer's colon.
    return answer.startswith(b"HTTP/1.1 200 ") and (b"grpc-status: 0\r" in answer or b"grpc-status:0\r" in answer)

"""Protobuf bytes in and out: what native gRPC and gRPC-Web have in common."""

from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, status_pb2

from rpcfront.calls.methods import Method
from rpcfront.status import FieldViolation, make_status, status_error
from rpcfront.transcoding.json.codec import range_violations

# grpcio's own words, so that a client reads the same over every protocol.
UNKNOWN_METHOD = make_status(code_pb2.UNIMPLEMENTED, "Method not found!")
# "gRPC Status Codes": what a violation of a method's cardinality is called.
NO_MESSAGE = make_status(code_pb2.UNIMPLEMENTED, "the call needs one message, the request has none")
MORE_MESSAGES = make_status(code_pb2.UNIMPLEMENTED, "the call needs one message, the request has more")


def decode_protobuf(method: Method, data: bytes) -> tuple[Message, list[FieldViolation]]:
    """A request from its protobuf bytes. Raises StatusError (INVALID_ARGUMENT) when they do not parse."""
    message = method.request_class()
    try:
        message.MergeFromString(data)
    except DecodeError:
        text = f"the request is not a valid {method.descriptor.input_type.full_name}"
        raise status_error(code_pb2.INVALID_ARGUMENT, text) from None
    return message, range_violations(message)


def encode_protobuf(message: Message) -> bytes:
    """A message as protobuf bytes."""
    return message.SerializeToString()


def details_trailer(status: status_pb2.Status) -> bytes | None:
    """The value of `grpc-status-details-bin`; None for a status that has no details to carry."""
    return status.SerializeToString() if status.details else None

"""Requests and responses as protobuf bytes, for the protocols that carry them."""

from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, status_pb2

from rpcfront.calls.methods import Method
from rpcfront.status import FieldViolation, make_status, status_error
from rpcfront.transcoding.json.codec import range_violations

# grpcio's own text, so that clients read the same over every protocol.
UNKNOWN_METHOD = make_status(code_pb2.UNIMPLEMENTED, "Method not found!")
# The code for a violation of a method's cardinality, by the gRPC documentation ("Status Codes").
NO_MESSAGE = make_status(code_pb2.UNIMPLEMENTED, "the call needs one message, the request has none")
MORE_MESSAGES = make_status(code_pb2.UNIMPLEMENTED, "the call needs one message, the request has more")


def decode_protobuf(method: Method, data: bytes) -> tuple[Message, list[FieldViolation]]:
    """Return a request from its protobuf bytes. Raises StatusError (INVALID_ARGUMENT) if they do not parse."""
    try:
        message = method.request_class.FromString(data)
    except DecodeError:
        text = f"the request is not a valid {method.descriptor.input_type.full_name}"
        raise status_error(code_pb2.INVALID_ARGUMENT, text) from None
    return message, range_violations(message)


def encode_protobuf(message: Message) -> bytes:
    """Return a message as protobuf bytes."""
    return type(message).SerializeToString(message)


def details_trailer(status: status_pb2.Status) -> bytes | None:
    """Return the value of `grpc-status-details-bin`; None for a status without details."""
    return status.SerializeToString() if status.details else None

"""Models a call and its outcome independently of protocols. Knows no socket and no scenario."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from actiond_protos.actiond.v1 import delivery_service_pb2, execution_service_pb2
from actiond_protos.zitadel.action.v2 import action_service_pb2 as action_v2_pb2
from actiond_protos.zitadel.action.v2beta import action_service_pb2 as action_v2beta_pb2
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from actiond_protos.zitadel.v1 import error_detail_pb2
from google.protobuf import any_pb2, json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2, status_pb2

SERVICE = "zitadel.action.v3alpha.ActionService"
SERVICE_V2 = "zitadel.action.v2.ActionService"
SERVICE_V2BETA = "zitadel.action.v2beta.ActionService"
DELIVERIES = "actiond.v1.DeliveryService"
EXECUTIONS = "actiond.v1.ExecutionService"
RESPONSES: dict[str, type[Message]] = {
    f"/{method.containing_service.full_name}/{method.name}": GetMessageClass(method.output_type)
    for file in (
        action_service_pb2,
        action_v2_pb2,
        action_v2beta_pb2,
        delivery_service_pb2,
        execution_service_pb2,
    )
    for service in file.DESCRIPTOR.services_by_name.values()
    for method in service.methods
    if not method.server_streaming
}
"""The classes of responses, by the path of the RPC. Drivers call methods with one response."""
SIGNING_KEY = "actiond-signing-key"
WEBHOOK_SECRET = "actiond-webhook-secret"


@dataclass(frozen=True, slots=True)
class Http:
    """The parts of a call that only HTTP has. None means what a well-behaved client sends."""

    verb: str | None = None
    path: str | None = None
    content_type: str | None = None
    """The content type: `{usual}` is replaced by the protocol's own; an empty string omits the header."""
    chunked: bool = False
    """Whether the body is sent in chunks, without a length."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call. `wire` and `json` replace the encoded `message`, for requests that no message can express."""

    method: str
    message: Message | None = None
    wire: bytes | None = None
    """The request as protobuf bytes."""
    json: str | bytes | None = None
    """The request as JSON text."""
    frames: bytes | None = None
    """The whole body of a gRPC-Web request, before base64."""
    authorization: str | None = "Bearer {token}"
    """The header: `{token}` is replaced by the driver's token, `{TOKEN}` by the token in capitals."""
    metadata: tuple[tuple[str, str | bytes], ...] = ()
    """Metadata. `-bin` keys have bytes, as in grpcio; a str is sent unencoded, which only HTTP can do."""
    service: str = SERVICE
    http: Http = Http()

    @property
    def rpc_path(self) -> str:
        return f"/{self.service}/{self.method}"

    def protobuf(self) -> bytes:
        """Return the request's protobuf bytes."""
        if self.wire is not None:
            return self.wire
        return self.message.SerializeToString() if self.message is not None else b""

    def headers(self, token: str) -> list[tuple[str, str | bytes]]:
        """Return the metadata, including authorization."""
        if self.authorization is None:
            return list(self.metadata)
        authorization = self.authorization.replace("{token}", token).replace("{TOKEN}", token.upper())
        return [("authorization", authorization), *self.metadata]

    def content_type(self, usual: str) -> list[tuple[str, str | bytes]]:
        """Return the Content-Type header."""
        given = "{usual}" if self.http.content_type is None else self.http.content_type
        return [("content-type", given.replace("{usual}", usual))] if given else []

    def parse_response(self, body: bytes) -> Message:
        """Parse the method's response message."""
        return RESPONSES[self.rpc_path].FromString(body)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a call."""

    code: int
    message: str = ""
    details: Sequence[dict[str, Any]] = ()
    """The details of the status as JSON objects, each with its `@type`."""
    response: Message | None = None
    http_status: int | None = None
    """None over native gRPC."""
    signing_key: str | None = None
    """The trailing metadata, which each protocol carries in a different place. The webhook secret is the same key."""


DETAILS: tuple[type[Message], ...] = (
    error_detail_pb2.ErrorDetail,
    error_details_pb2.BadRequest,
    error_details_pb2.ErrorInfo,
    error_details_pb2.RetryInfo,
)
"""The detail types of a status. JSON can print a detail only if its type is known."""


def failure(status: status_pb2.Status, http_status: int | None = None) -> Outcome:
    """Return the outcome that a google.rpc.Status describes."""
    details = []
    for detail in status.details:
        assert any(detail.Is(known.DESCRIPTOR) for known in DETAILS), detail.type_url
        details.append(json_format.MessageToDict(detail))
    return Outcome(status.code, status.message, details, http_status=http_status)


def failure_from_json(status: dict[str, Any], http_status: int) -> Outcome:
    """Return the outcome of a google.rpc.Status in JSON, whose details must be what protobuf would print."""
    for detail in status["details"]:
        assert json_format.MessageToDict(json_format.ParseDict(detail, any_pb2.Any())) == detail
    return Outcome(status["code"], status["message"], status["details"], http_status=http_status)

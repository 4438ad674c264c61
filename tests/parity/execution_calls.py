"""The words in which rows speak of ExecutionService: its calls, its errors, and the targets that it calls."""

import json
from typing import Any

from actiond_protos.actiond.v1 import dry_run_pb2
from actiond_protos.actiond.v1 import execution_service_pb2 as pb
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition
from google.protobuf import json_format
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from tests.support.action_service import expect
from tests.support.action_service.model import EXECUTIONS, Call, Outcome
from tests.support.services.shop import PLACE, order, receipt
from tests.support.targets.answers import STANDARD, ok

RECEIVER = "<receiver>"
"""Stands for the address of the targets that are called."""
RECEIVER_HOST = "127.0.0.7"
"""The one address on this machine that targets may have."""
FORWARDED = "that item is sold out"
ANSWERS = {
    **STANDARD,
    "change": ok(b'{"item": "changed"}'),
    "receipt": ok(b'{"id": "changed"}'),
    "enrich": ok(b'{"added": [1, "two"], "sent": null, "function": "another"}'),
    "forward": ok(json.dumps({"forwardedStatusCode": 404, "forwardedErrorMessage": FORWARDED}).encode()),
}
UNKNOWN = "/shop.v1.Shop/Refund"
"""A method that nobody has described."""


def call(request: Message, *, by: str | None = None, **form: Any) -> Call:
    """Return the call that has such a request, by the driver's own token or by another one."""
    method = type(request).__name__.removesuffix("Request")
    if by is not None:
        form["authorization"] = f"Bearer {by}"
    return Call(method, request, service=EXECUTIONS, **form)


def struct(fields: dict[str, Any]) -> Struct:
    return json_format.ParseDict(fields, Struct())


def as_protobuf(message: Message) -> pb.Payload:
    return pb.Payload(protobuf=message.SerializeToString())


def as_json(message: Message) -> pb.Payload:
    return pb.Payload(json=struct(json_format.MessageToDict(message)))


ORDER, CHANGED = order(item="cup", count=2**60), order(item="changed", count=2**60)
RECEIPT, CHANGED_RECEIPT = receipt(id="1", total=7), receipt(id="changed", total=7)


def described(method: str = PLACE, **fields: Any) -> pb.MethodCall:
    return pb.MethodCall(method=method, **fields)


def execute_request(payload: pb.Payload | None = None, method: str = PLACE, **fields: Any) -> pb.ExecuteRequestRequest:
    """`fields` are those of the call that is described."""
    return pb.ExecuteRequestRequest(call=described(method, **fields), request=payload or as_protobuf(ORDER))


def execute_response(
    response: pb.Payload | None = None, request: pb.Payload | None = None, method: str = PLACE
) -> pb.ExecuteResponseRequest:
    return pb.ExecuteResponseRequest(
        call=described(method), request=request or as_protobuf(ORDER), response=response or as_protobuf(RECEIPT)
    )


def execute_function(
    function: str, payload: Struct | None = None, timeout: Duration | None = None
) -> pb.ExecuteFunctionRequest:
    return pb.ExecuteFunctionRequest(function=function, payload=payload, timeout=timeout)


def dry_run(trigger: Message) -> pb.DryRunRequest:
    field = {
        pb.ExecuteRequestRequest: "request",
        pb.ExecuteResponseRequest: "response",
        pb.ExecuteFunctionRequest: "function",
    }[type(trigger)]
    return pb.DryRunRequest(**{field: trigger})  # type: ignore[arg-type]  # its type is that of the field


def candidate(condition: Condition, verdict: int) -> dry_run_pb2.DryRunCandidate:
    return dry_run_pb2.DryRunCandidate(condition=condition, verdict=verdict)  # type: ignore[arg-type]  # its numbers are ints


def invalid(field: str, rule: str) -> Outcome:
    return expect.business(
        expect.INVALID_ARGUMENT, "ACTIOND-message", "Message is invalid", "MESSAGE_INVALID", field=(field, rule)
    )


def unknown_method(trigger: str = "") -> Outcome:
    return expect.business(
        expect.NOT_FOUND,
        "ACTIOND-method",
        "Method is unknown",
        "METHOD_UNKNOWN",
        field=(
            f"{trigger}call.method",
            "must be one that the server has the message types of (--descriptor-set, --reflect)",
        ),
    )


def unknown_function(trigger: str = "") -> Outcome:
    return expect.business(
        expect.NOT_FOUND,
        "ACTIOND-function",
        "Function is unknown",
        "FUNCTION_UNKNOWN",
        field=(
            f"{trigger}function",
            "must be one that the server was started with (--execution-function, --zitadel-conditions)",
        ),
    )

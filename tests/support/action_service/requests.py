"""The calls that most tests of ActionService begin with."""

from typing import Any

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest, GetTargetByIDRequest
from actiond_protos.zitadel.action.v3alpha.target_pb2 import SetRESTWebhook
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from tests.support.action_service.model import Call

ENDPOINT = "https://example.com/hook"


def request(name: str, **fields: Any) -> CreateTargetRequest:
    """Return a valid request; `fields` replace its fields or, as None, remove them."""
    given: dict[str, Any] = {"name": name, "timeout": Duration(seconds=10), "endpoint": ENDPOINT} | fields
    if not given.keys() & {"rest_webhook", "rest_call", "rest_async"}:
        given["rest_webhook"] = SetRESTWebhook()
    return CreateTargetRequest(**{key: value for key, value in given.items() if value is not None})


def create(message: Message, **form: Any) -> Call:
    """Return a CreateTarget call."""
    return Call("CreateTarget", message, **form)


def get(target_id: str, **form: Any) -> Call:
    """Return a GetTargetByID call."""
    return Call("GetTargetByID", GetTargetByIDRequest(target_id=target_id), **form)

"""Converts published events from protobuf."""

from collections.abc import Iterable, Mapping

import orjson
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct

from actiond.actions.use_cases.publishing import NewEvent
from actiond.api.v1.errors import PayloadInvalidError
from actiond.api.v1.structs import object_of

MAX_PAYLOAD_BYTES = 256 * 1024
"""Limit on the payload of an event, as compact JSON."""


def new_events(requests: Iterable[pb.PublishEventRequest]) -> list[NewEvent]:
    """Return the events that valid requests describe. Raises PayloadInvalidError."""
    return [
        NewEvent(
            type=request.type,
            aggregate_type=request.aggregate_type,
            aggregate_id=request.aggregate_id,
            payload=_payload(request.payload, position),
            id=request.event_id,
        )
        for position, request in enumerate(requests)
    ]


def _payload(struct: Struct, position: int) -> Mapping[str, object]:
    """Return a payload as JSON values. Raises PayloadInvalidError."""
    try:
        payload = object_of(struct)
    except ValueError as error:
        raise PayloadInvalidError(str(error), position) from error
    if len(orjson.dumps(payload)) > MAX_PAYLOAD_BYTES:
        raise PayloadInvalidError(f"must be at most {MAX_PAYLOAD_BYTES} bytes of JSON", position)
    return payload

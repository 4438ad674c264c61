"""Rows: publishing events, once for each id."""

import math
from typing import Any

from actiond_protos.actiond.v1 import delivery_service_pb2 as pb
from google.protobuf.struct_pb2 import Struct, Value

from tests.parity import delivery_calls as errors
from tests.parity.calls import answer
from tests.parity.delivery_calls import call
from tests.parity.rows_fields import LONG_NAME, TOO_SHORT
from tests.parity.scenario import ENVOY_READS_JSON, JSON, PROTOBUF, Differs, Scenario, exhaustive, representative
from tests.support.action_service import expect
from tests.support.action_service.model import Outcome


def _event(aggregate_id: str, event_id: str = "", /, **fields: Any) -> pb.PublishEventRequest:
    given = {"type": "order.placed", "aggregate_type": "order", "aggregate_id": aggregate_id, "event_id": event_id}
    return pb.PublishEventRequest(**given | fields)


def _batch(*events: pb.PublishEventRequest) -> pb.PublishEventsRequest:
    return pb.PublishEventsRequest(events=events)


def _published(sequence: int, *, again: bool = False) -> Outcome:
    return answer(pb.PublishEventResponse(sequence=sequence, created=not again))


def _payload(**values: Any) -> Struct:
    payload = Struct()
    payload.update(values)
    return payload


_LARGE = Struct(fields={"text": Value(string_value="x" * (256 * 1024 - len('{"text":""}')))})
_TOO_LARGE = Struct(fields={"text": Value(string_value="x" * (256 * 1024 - len('{"text":""}') + 1))})
_ORDER = _payload(number=12, name="Größe", items=[{"id": "1", "price": 0.5}, None, True], nothing={})

GOOD = [
    Scenario(
        "an event with a payload",
        call(_event("with a payload".replace(" ", "-"), payload=_ORDER)),
        _published(1),
        then=((call(_event("with-a-payload", payload=_ORDER)), _published(2)),),
    ),
    Scenario("an event without a payload", call(_event("without-a-payload")), _published(1)),
    Scenario("an event with the largest payload", call(_event("large", payload=_LARGE)), _published(1)),
    Scenario(
        "an event that is published twice under one id",
        call(_event("twice", "the-same", payload=_ORDER)),
        _published(1),
        then=(
            (call(_event("twice", "the-same", payload=_ORDER)), _published(1, again=True)),
            (call(_event("twice", "another")), _published(2)),
            (call(_event("twice", "the-same")), errors.id_taken()),
        ),
    ),
    Scenario(
        "a batch of events",
        call(_batch(_event("batch", "one"), _event("batch"), _event("other"), _event("batch", "one"))),
        answer(
            pb.PublishEventsResponse(
                events=[
                    pb.PublishEventResponse(sequence=1, created=True),
                    pb.PublishEventResponse(sequence=2, created=True),
                    pb.PublishEventResponse(sequence=1, created=True),
                    pb.PublishEventResponse(sequence=1),
                ]
            )
        ),
    ),
    Scenario(
        "a batch of which nothing is published",
        call(_batch(_event("nothing"), _event("nothing", type="order.unknown"))),
        errors.unknown_type("events[1]."),
        then=((call(_event("nothing")), _published(1)),),
    ),
]

_BEFORE = (call(_event("before", "before")),)

REFUSED = [
    Scenario("an event of an unknown type", call(_event("1", type="order.unknown")), errors.unknown_type()),
    Scenario("an event of a type of the server's own", call(_event("1", type="target.added")), errors.unknown_type()),
    Scenario("an event of a group", call(_event("1", type="order")), errors.unknown_type()),
    *(
        Scenario(
            f"an event of the server's own aggregates, {reserved}",
            call(_event("1", aggregate_type=reserved)),
            errors.reserved_aggregate(),
        )
        for reserved in ("target", "execution", "token")
    ),
    Scenario(
        "a batch with an event of the server's own aggregates",
        call(_batch(_event("1"), _event("1", aggregate_type="token"))),
        errors.reserved_aggregate("events[1]."),
    ),
    Scenario(
        "a batch with an id that another event has",
        call(_batch(_event("1"), _event("1", "before"))),
        errors.id_taken("events[1]."),
        before=_BEFORE,
    ),
    Scenario(
        "an event with a payload that is too large",
        call(_event("1", payload=_TOO_LARGE)),
        errors.invalid_payload("must be at most 262144 bytes of JSON"),
    ),
    Scenario(
        "a batch with a number that is rounded",
        call(_batch(_event("1"), _event("1", payload=_payload(number=2.0**53)))),
        errors.invalid_payload(
            "must not hold 9007199254740992, which may have been rounded; send such a number as a string",
            "events[1].",
        ),
    ),
    Scenario(
        "an event with a number that JSON lacks",
        call(_event("1", payload=_payload(number=math.nan))),
        errors.invalid_payload("must not hold nan, which has no JSON form"),
        only=PROTOBUF,
    ),
    Scenario(
        "an event with a payload that is no object",
        call(
            pb.PublishEventRequest(),
            json='{"type":"order.placed","aggregateType":"order","aggregateId":"1","payload":[]}',
        ),
        expect.violations(payload="must be an object"),
        only=JSON,
        differs={"envoy-json": Differs(ENVOY_READS_JSON, expect.INVALID_ARGUMENT, http_status=400)},
    ),
    Scenario(
        "an event without anything",
        call(pb.PublishEventRequest()),
        expect.violations(type=TOO_SHORT, aggregate_type=TOO_SHORT, aggregate_id=TOO_SHORT),
    ),
    Scenario(
        "an event full of what is too long",
        call(_event("n" * 201, "n" * 201, type="n" * 1001, aggregate_type="n" * 201)),
        expect.violations(
            type="must be at most 1000 characters",
            aggregate_type=LONG_NAME,
            aggregate_id=LONG_NAME,
            event_id=LONG_NAME,
        ),
    ),
    Scenario(
        "an event with ids that nobody could write down",
        call(_event("a b", "\N{OCTOPUS}", aggregate_type="a/b")),
        expect.violations(
            aggregate_type="does not match regex pattern `^[A-Za-z0-9._-]*$`",
            aggregate_id="does not match regex pattern `^[!-~]*$`",
            event_id="does not match regex pattern `^[!-~]*$`",
        ),
    ),
    Scenario("a batch without events", call(_batch()), expect.violations(events="must contain at least 1 item(s)")),
    Scenario(
        "a batch of too many events",
        call(_batch(*[_event("1")] * 101)),
        expect.violations(events="must contain no more than 100 item(s)"),
    ),
]

ROWS = [
    *representative(GOOD),
    *exhaustive(REFUSED),
]

"""The body of a delivery: ZITADEL's event payload, the same bytes each time."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.events import Event, qualified_id
from actiond.executions.event_payloads import body_of, headers_of
from actiond.storage.memory import MemoryStore
from actiond.storage.sqlite import SqliteStore
from tests.support.delivering import FakeClock

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
AT_NS = 1_700_000_000_123_456_789


def an_event(**changes: Any) -> Event:
    values: Mapping[str, Any] = {
        "owner": "owner",
        "aggregate_type": "order",
        "aggregate_id": "owner/a/7",
        "sequence": 3,
        "type": "order.placed",
        "payload": {"total": 12.5, "items": ["a", "ß"]},
        "editor": "editor",
        "created_at_ns": AT_NS,
    }
    return Event(**{**values, **changes})


def test_the_body_is_compact_json_with_zitadels_keys_in_zitadels_order() -> None:
    assert body_of(an_event(), "instance").decode() == (
        '{"aggregateID":"a/7","aggregateType":"order","resourceOwner":"owner","instanceID":"instance","version":"v1",'
        '"sequence":3,"event_type":"order.placed","created_at":"2023-11-14T22:13:20.123456789Z","userID":"editor",'
        '"event_payload":{"total":12.5,"items":["a","ß"]}}'
    )


@pytest.mark.parametrize(
    ("editor", "instance", "missing"),
    [("", "instance", {"userID"}), ("editor", "", {"instanceID"}), ("", "", {"userID", "instanceID"})],
)
def test_an_id_that_is_empty_is_left_out(editor: str, instance: str, missing: set[str]) -> None:
    full = orjson.loads(body_of(an_event(), "instance"))
    given = orjson.loads(body_of(an_event(editor=editor), instance))
    assert [*given] == [key for key in full if key not in missing]


@pytest.mark.parametrize("payload", [{}, {"": ""}, {"empty": None, "zero": 0, "list": []}])
def test_what_the_event_itself_says_is_never_left_out(payload: dict[str, object]) -> None:
    assert orjson.loads(body_of(an_event(payload=payload, editor=""), ""))["event_payload"] == payload


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "2023-11-14T22:13:20Z"),
        (1, "2023-11-14T22:13:20.000000001Z"),
        (100_000_000, "2023-11-14T22:13:20.1Z"),
        (123_000_000, "2023-11-14T22:13:20.123Z"),
        (999_999_999, "2023-11-14T22:13:20.999999999Z"),
    ],
)
def test_the_time_has_nanoseconds_without_zeros_at_their_end(nanoseconds: int, text: str) -> None:
    event = an_event(created_at_ns=1_700_000_000 * 10**9 + nanoseconds)
    assert orjson.loads(body_of(event, ""))["created_at"] == text


@given(st.integers(0, 4_000_000_000 * 10**9))
def test_the_time_is_one_that_every_parser_of_rfc_3339_takes(ns: int) -> None:
    text = orjson.loads(body_of(an_event(created_at_ns=ns), ""))["created_at"]
    # Python reads microseconds.
    whole, _, fraction = text.removesuffix("Z").partition(".")
    parsed = datetime.fromisoformat(f"{whole}.{fraction[:6]:0<6}+00:00")
    assert round(parsed.timestamp() * 10**6) == ns // 1_000


@pytest.mark.parametrize(
    ("aggregate_type", "aggregate_id", "public_id"),
    [
        ("order", qualified_id("owner", "order", "7"), "7"),
        ("order", qualified_id("owner", "order", "owner/7"), "owner/7"),
        ("execution", qualified_id("owner", "execution", "request/a.B/C"), "request/a.B/C"),
        ("target", qualified_id("owner", "target", "123"), "123"),
    ],
)
def test_an_aggregates_id_is_that_within_its_owner(aggregate_type: str, aggregate_id: str, public_id: str) -> None:
    event = an_event(aggregate_type=aggregate_type, aggregate_id=aggregate_id)
    assert orjson.loads(body_of(event, ""))["aggregateID"] == public_id


@given(st.dictionaries(st.text(), JSON))
def test_the_bytes_are_the_same_after_the_payload_was_stored_as_json(payload: dict[str, object]) -> None:
    stored = orjson.loads(orjson.dumps(payload))
    assert body_of(an_event(payload=stored), "instance") == body_of(an_event(payload=payload), "instance")


async def test_stores_give_back_the_payload_with_its_keys_in_their_order(tmp_path: Path) -> None:
    """What SQLite reads anew for each attempt is what the memory store has kept."""
    bodies = set()
    payload = {"b": 1, "a": [1.0, 10**15, -0.5, "\0 \ud7ff ß"], "": {"z": None, "y": True}}
    for store in (MemoryStore(FakeClock()), SqliteStore.open(tmp_path / "x.db", clock=FakeClock())):
        await store.write(lambda transaction: transaction.append(an_event(sequence=1, payload=payload)))
        (event,) = await store.events("order", "owner/a/7")
        bodies.add(body_of(event, "instance"))
        await store.close()
    assert bodies == {body_of(an_event(sequence=1, payload=payload), "instance")}


def test_the_headers_name_the_delivery_and_the_attempt() -> None:
    assert headers_of(123, 2) == {
        "Content-Type": "application/json",
        "webhook-id": "123",
        "actiond-attempt": "2",
    }

"""The access log, in text and in JSON."""

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from actiond.telemetry.access_log import record_of
from actiond.telemetry.records import as_json, as_text
from rpcfront import CallEnd

CALL = CallEnd("json", "a.B/C", 5, 0.0012345, "me", "from-the-client_1", "ipv4:127.0.0.1:1")
MOMENT = 1_795_000_000.25


def test_it_has_a_line_of_text_for_a_call() -> None:
    assert as_text(record_of(MOMENT, CALL, "1")) == (
        b"time=2026-11-18T11:06:40.250Z protocol=json method=a.B/C code=NOT_FOUND duration_ms=1.234 "
        b"owner=1 request_id=from-the-client_1 peer=ipv4:127.0.0.1:1\n"
    )


def test_it_has_a_json_object_for_a_call() -> None:
    assert json.loads(as_json(record_of(MOMENT, CALL, "1"))) == {
        "time": "2026-11-18T11:06:40.250Z",
        "protocol": "json",
        "method": "a.B/C",
        "code": "NOT_FOUND",
        "duration_ms": 1.234,
        "owner": "1",
        "request_id": "from-the-client_1",
        "peer": "ipv4:127.0.0.1:1",
    }


def test_what_there_is_none_of_is_a_hyphen_in_text_and_null_in_json() -> None:
    record = record_of(MOMENT, CallEnd("http", "", 5, 0.0, None, "", ""), "")
    assert b" method=- code=NOT_FOUND duration_ms=0.0 owner=- request_id=- peer=-\n" in as_text(record)
    assert [key for key, value in json.loads(as_json(record)).items() if value is None] == [
        "method",
        "owner",
        "request_id",
        "peer",
    ]


@given(st.text(), st.text())
def test_text_and_json_name_the_same_values(owner: str, peer: str) -> None:
    record = record_of(MOMENT, CallEnd("json", "a.B/C", 0, 0.5, "me", "r", peer), owner)
    line = as_text(record).decode()
    assert re.fullmatch(r"[ -~]+\n", line)
    pairs = dict(word.split("=", 1) for word in line.removesuffix("\n").split(" "))
    read = {key: None if value == "-" else value.encode().decode("unicode_escape") for key, value in pairs.items()}
    expected = {key: None if value is None or value == "-" else str(value) for key, value in record.items()}
    assert read == expected

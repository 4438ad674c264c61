"""The log of calls to targets."""

import json
import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.delivery.outcomes import Outcome, TargetCall
from actiond.telemetry.records import Format, as_json, as_text
from actiond.telemetry.target_log import TargetLog, record_of
from tests.delivery.client.callers import MakeCaller, target
from tests.support.targets.server import TargetServer

OK = TargetCall("17", "request/a.B/C", Outcome.OK, 200, 0.0012341, False, "r-1")
MOMENT = 1795449741.666
FAILED = replace(OK, outcome=Outcome.STATUS, status=503)

LINES = {
    "ok": (OK, "target=17 execution=request/a.B/C outcome=ok status=200 duration_ms=1.234 error=- request_id=r-1"),
    "failed": (
        FAILED,
        "target=17 execution=request/a.B/C outcome=failed status=503 duration_ms=1.234 error=status request_id=r-1",
    ),
    "ignored": (
        replace(OK, outcome=Outcome.TIMEOUT, status=None, is_ignored=True, request_id=""),
        "target=17 execution=request/a.B/C outcome=ignored status=- duration_ms=1.234 error=timeout request_id=-",
    ),
    "free text": (
        replace(OK, execution='f/a "b"\n\\ä\u2028\U0001f600'),
        (
            r'target=17 execution=f/a\x20"b"\n\\\xe4\u2028\U0001f600'
            " outcome=ok status=200 duration_ms=1.234 error=- request_id=r-1"
        ),
    ),
}


@pytest.mark.parametrize("case", LINES)
def test_a_call_is_a_line_of_text(case: str) -> None:
    call, line = LINES[case]
    assert as_text(record_of(MOMENT, call)).decode() == f"time=2026-11-23T16:02:21.666Z {line}\n"


@pytest.mark.parametrize("call", [call for call, _ in LINES.values()])
def test_json_says_the_same(call: TargetCall) -> None:
    assert json.loads(as_json(record_of(MOMENT, call))) == {
        "time": "2026-11-23T16:02:21.666Z",
        "target": call.target_id,
        "execution": call.execution,
        "outcome": {False: "failed", True: "ignored"}[call.is_ignored] if call.outcome is not Outcome.OK else "ok",
        "status": call.status,
        "duration_ms": 1.234,
        "error": None if call.outcome is Outcome.OK else call.outcome.value,
        "request_id": call.request_id,
    }


@given(st.text(min_size=1), st.text(min_size=1))
def test_no_text_breaks_the_line_or_a_word_and_all_can_be_read_back(execution: str, request_id: str) -> None:
    line = as_text(record_of(MOMENT, replace(OK, execution=execution, request_id=request_id))).decode()
    assert re.fullmatch(r"[ -~]+\n", line)
    words = dict(word.split("=", 1) for word in line.removesuffix("\n").split(" "))
    assert len(words) == 8
    assert words["execution"].encode().decode("unicode_escape") == execution
    assert words["request_id"].encode().decode("unicode_escape") == request_id


def lines_of(calls: Iterable[TargetCall], style: Format = as_text, least: int = logging.INFO) -> list[bytes]:
    made: list[Callable[[], bytes]] = []
    log = TargetLog(lambda line, _size: made.append(line), style, least)
    for call in calls:
        log.ended(None, call)
    return [make() for make in made]


@pytest.mark.parametrize(("least", "count"), [(logging.INFO, 2), (logging.WARNING, 1), (logging.ERROR, 0)])
def test_a_failure_is_a_warning_and_the_level_says_what_is_worth_a_line(least: int, count: int) -> None:
    assert len(lines_of([OK, FAILED], least=least)) == count


async def test_neither_address_nor_body_nor_credentials_are_logged(
    make_caller: MakeCaller, server: TargetServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caller = await make_caller()
    for path in ("/echo", "/status/500", "/reset", "/garbage", "/size/2000000"):
        await caller.outcome(target(server.url(path).replace("//", "//user:password@")), body=b"the body")
    lines = [*lines_of(caller.told), *lines_of(caller.told, as_json)]
    assert len(lines) == 10
    for secret in ("127.0.0.1", "user", "password", "the body", "echo"):
        assert secret not in caplog.text
        assert secret.encode() not in b"".join(lines)

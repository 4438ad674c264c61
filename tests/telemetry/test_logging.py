"""Log records as lines: escaped, bounded in length and per second, and whatever else Python has to say among them."""

import logging
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.telemetry.logging import BURST_BYTES, BYTES_PER_SECOND, MAX_LINE_CHARACTERS, LineHandler, OneLineFormatter
from actiond.telemetry.records import as_json
from tests.support.servers.actiond import clean_environment
from tests.support.waiting import WAIT

OURS = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO|WARNING|ERROR|CRITICAL) [\w.]+: [^\x00-\x1f\x7f]*"
)


def record(message: str, *arguments: object, line: int = 1) -> logging.LogRecord:
    return logging.LogRecord("some.logger", logging.ERROR, __file__, line, message, arguments, None)


@given(st.text())
def test_no_text_breaks_a_line_or_steers_a_terminal(text: str) -> None:
    line = OneLineFormatter().format(record("%s", text))
    assert line.isprintable()
    assert len(line.splitlines()) == 1


def test_the_middle_of_a_long_line_is_cut_out() -> None:
    line = OneLineFormatter().format(record("%s", "begin" + "x" * 10**6 + "end"))
    assert len(line) < MAX_LINE_CHARACTERS + 100
    assert ": begin" in line
    assert line.endswith("end")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_one_place_in_the_code_logs_no_more_than_its_share_and_says_what_is_missing() -> None:
    lines: list[bytes] = []
    clock = Clock()
    handler = LineHandler(lines.append, "utf-8", clock)
    for _ in range(1000):
        handler.handle(record("x" * 1000))
    assert sum(map(len, lines)) <= BURST_BYTES + 1100
    written = len(lines)
    handler.handle(record("another place", line=2))
    assert len(lines) == written + 1
    clock.now += 1
    for _ in range(1000):
        handler.handle(record("x" * 1000))
    more = lines[written + 1 :]
    assert sum(map(len, more)) <= BYTES_PER_SECOND + 2200
    assert more[0].endswith(f" ({1000 - written} more from here were not logged)\n".encode())


def test_a_record_that_cannot_be_formatted_is_a_line_that_says_so() -> None:
    lines: list[bytes] = []
    LineHandler(lines.append, "utf-8", Clock()).handle(record("%d", "no number"))
    assert b"could not be formatted: TypeError" in lines[0]


def test_what_the_encoding_lacks_is_escaped() -> None:
    lines: list[bytes] = []
    LineHandler(lines.append, "ascii", Clock()).handle(record("café"))
    assert lines[0].endswith(b": caf\\xe9\n")


@given(st.text(st.characters()))
def test_a_record_in_json_is_one_line_of_printable_ascii(text: str) -> None:
    assert re.fullmatch(rb"[ -~]+\n", as_json({"execution": text}))


SAYING = """
import asyncio, os, sys, threading, traceback, warnings
from actiond.telemetry import standard_streams

standard_streams.install("info")
standard_streams.start()
TEXT = "two\\nlines\\x1b[31m and \\x9b"

class Finalized:
    def __del__(self):
        raise ValueError(TEXT)

def fail():
    raise ValueError(TEXT)

async def in_a_loop():
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0)
    await asyncio.sleep(0)

{statement}
standard_streams.close(10)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("statement", "logger"),
    [
        ("warnings.warn(TEXT)", "py.warnings"),
        ("Finalized()", "actiond.telemetry.logging"),
        ("thread = threading.Thread(target=fail); thread.start(); thread.join()", "actiond.telemetry.logging"),
        ("sys.excepthook(*(lambda e: (type(e), e, None))(ValueError(TEXT)))", "actiond.telemetry.logging"),
        ("asyncio.run(in_a_loop())", "asyncio"),
        ("print(TEXT)", "stderr"),
        ("print(TEXT, file=sys.stderr)", "stderr"),
        ("sys.__stderr__.write(TEXT); sys.__stderr__.flush()", "stderr"),
        ("traceback.print_stack()", "stderr"),
        ("os.write(2, TEXT.encode() + b'\\n')", "stderr"),
        ("os.write(1, b'\\xff' + TEXT.encode() + b'\\n')", "stderr"),
    ],
)
def test_whatever_is_said_becomes_lines_of_ours(statement: str, logger: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAYING.format(statement=statement)],
        env=clean_environment(),
        capture_output=True,
        timeout=WAIT,
        check=True,
    )
    assert done.stdout == b""
    lines = done.stderr.decode().removesuffix("\n").split("\n")
    assert all(OURS.fullmatch(line) for line in lines), lines
    assert all(f" {logger}: " in line for line in lines), lines
    assert "\x9b" not in done.stderr.decode()

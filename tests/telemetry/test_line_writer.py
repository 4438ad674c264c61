"""The writer of lines: never waits for its reader, bounded, in order, and honest about what it dropped."""

import os
import threading
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from actiond.telemetry import line_writer
from actiond.telemetry.line_writer import MAX_QUEUED_BYTES, LineWriter
from tests.support.waiting import WAIT, until

LINE = b"x" * 999 + b"\n"


class Pipe(NamedTuple):
    reading: int
    writing: int


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe(*os.pipe())
    yield pipe
    for descriptor in pipe:
        try:
            os.close(descriptor)
        except OSError:
            """The test has closed it."""


def put_numbers(writer: LineWriter, name: bytes) -> None:
    for number in range(500):
        writer.put_bytes(b"%s %d\n" % (name, number))


def report(count: int) -> bytes:
    return b"%d dropped\n" % count


def started(pipe: Pipe) -> LineWriter:
    writer = LineWriter(pipe.writing, report)
    writer.start(pipe.writing)
    return writer


def read_all(pipe: Pipe) -> list[bytes]:
    os.close(pipe.writing)
    with os.fdopen(pipe.reading, "rb", closefd=False) as end:
        return end.read().splitlines()


def test_lines_of_several_threads_are_written_whole_and_in_the_order_of_each(pipe: Pipe) -> None:
    writer = started(pipe)
    threads = [threading.Thread(target=put_numbers, args=(writer, name)) for name in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close(WAIT)
    lines = [line.split() for line in read_all(pipe)]
    for name in (b"a", b"b"):
        assert [int(number) for who, number in lines if who == name] == list(range(500))
    assert len(lines) == 1000


@pytest.mark.parametrize("has_thread", [True, False])
def test_what_exceeds_the_queue_is_dropped_and_counted_where_it_is_missing(
    pipe: Pipe, has_thread: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_writer, "FLUSH_SECONDS", 0.002)
    writer = started(pipe) if has_thread else LineWriter(pipe.writing, report)
    total = 2 * MAX_QUEUED_BYTES // len(LINE)
    for _ in range(total):
        writer.put_bytes(LINE)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.extend(os.fdopen(pipe.reading, "rb", closefd=False)))
    reader.start()
    if has_thread:
        until(lambda: report_in(received), "the count of what was dropped is written")
    else:
        until(writer.pump, "everything is written")
    writer.put_bytes(b"last\n")
    writer.close(WAIT)
    os.close(pipe.writing)
    reader.join()
    (dropped,) = [int(line.split()[0]) for line in received if line.endswith(b" dropped\n")]
    assert received.count(LINE) + dropped == total
    assert received.count(LINE) * len(LINE) <= MAX_QUEUED_BYTES + 65_536 + 4096
    assert received[-2:] == [report(dropped), b"last\n"]


def report_in(lines: list[bytes]) -> bool:
    return any(line.endswith(b" dropped\n") for line in lines)


@pytest.mark.parametrize("has_thread", [True, False])
def test_the_end_does_not_wait_for_a_reader_that_does_not_read(pipe: Pipe, has_thread: bool) -> None:
    writer = started(pipe) if has_thread else LineWriter(pipe.writing, report)
    for _ in range(500):
        writer.put_bytes(LINE)
    closing = threading.Thread(target=writer.close, args=(0.05,))
    closing.start()
    closing.join(WAIT)
    assert not closing.is_alive()


@pytest.mark.parametrize("has_thread", [True, False])
def test_a_reader_that_has_gone_is_no_error(pipe: Pipe, has_thread: bool) -> None:
    writer = started(pipe) if has_thread else LineWriter(pipe.writing, report)
    os.close(pipe.reading)
    for _ in range(500):
        writer.put_bytes(LINE)
    writer.close(WAIT)


def test_a_line_that_cannot_be_made_is_counted_and_the_others_are_written(pipe: Pipe) -> None:
    writer = started(pipe)
    writer.put(lambda: 1 / 0 and b"", 10)  # type: ignore[arg-type, return-value]  # it never returns
    writer.put_bytes(b"another\n")
    writer.close(WAIT)
    assert sorted(read_all(pipe)) == [b"1 dropped", b"another"]


def test_a_file_is_written_on_from_where_it_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("written") / "log"
    with path.open("wb") as file:
        file.write(b"before\n")
        file.flush()
        writer = LineWriter(file.fileno(), report)
        writer.put_bytes(b"line\n")
        writer.close()
    assert path.read_bytes() == b"before\nline\n"


def test_a_forked_child_does_not_write_what_waits_in_its_parent(pipe: Pipe) -> None:
    writer = LineWriter(pipe.writing, report)
    while writer.pump():
        writer.put_bytes(LINE)
    writer.reset()
    assert writer.pump()

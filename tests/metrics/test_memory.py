"""Figures in memory that processes share."""

from hypothesis import given
from hypothesis import strategies as st

from actiond.telemetry.metrics.memory import Memory, Region

KEYS = st.binary(max_size=40)
COUNTS = st.lists(st.tuples(KEYS, st.integers(1, 5), st.floats(allow_nan=False)))


def region(size: int = 4096) -> Region:
    (one,) = Memory(region_bytes=size).regions.values()
    one.claim()
    return one


@given(COUNTS)
def test_what_is_written_to_a_row_is_read_from_it(counts: list[tuple[bytes, int, float]]) -> None:
    written, expected = region(1 << 16), dict[bytes, list[float]]()
    for key, cells, value in counts:
        figures = expected.setdefault(key, [0.0] * cells)
        row = written.row(key, len(figures))
        assert row is not None
        row[-1] = figures[-1] = value
    assert dict(written.rows()) == expected


def test_a_new_row_is_zero_whatever_a_killed_process_left_there() -> None:
    (one,) = Memory(region_bytes=4096).regions.values()
    one._bytes[16:] = b"\xff" * (4096 - 16)
    one.claim()
    one.row(b"key", 3)
    assert list(one.rows()) == [(b"key", [0.0, 0.0, 0.0])]


def test_the_next_process_goes_on_from_the_figures() -> None:
    memory = Memory(region_bytes=4096)
    for _ in range(2):
        one = Region(memory.regions[1]._bytes)
        one.claim()
        row = one.row(b"key", 1)
        assert row is not None
        row[0] += 1
    assert list(memory.regions[1].rows()) == [(b"key", [2.0])]


def test_a_full_region_has_no_new_rows_and_keeps_its_own() -> None:
    full = region(80)  # in words: two of its own, and four for each of two rows
    assert full.row(b"one", 1) is not None
    assert full.row(b"nothing so long", 1) is None
    assert full.row(b"two", 1) is not None
    assert full.row(b"six", 1) is None
    assert full.row(b"one", 1) is not None
    assert [key for key, _ in full.rows()] == [b"one", b"two"]


def test_each_worker_has_figures_of_its_own() -> None:
    regions = Memory(3, 4096).regions
    assert list(regions) == [1, 2, 3]
    regions[2].row(b"key", 1)
    assert [len(list(one.rows())) for one in regions.values()] == [0, 1, 0]

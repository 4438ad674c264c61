"""What a Retry-After field means."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.delivery.http1.retry_after import MAX_RETRY_AFTER, read_retry_after

NOW = 1_767_225_600
"""2026-01-01T00:00:00Z, a Thursday."""

FORMS = ("%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y")
"""Those of an HTTP-date: IMF-fixdate, that of RFC 850, and that of asctime."""

VALUES = {
    "0": 0,
    "1": 1,
    "120": 120,
    "0120": 120,
    "3600": 3_600,
    "86399": 86_399,
    "86400": MAX_RETRY_AFTER,
    "86401": MAX_RETRY_AFTER,
    "9" * 60_000: MAX_RETRY_AFTER,
    "0" * 60_000 + "7": 7,
    "-5": 0,
    "-99999999999999999999": 0,
    " 7\t": 7,
    "Thu, 01 Jan 2026 00:01:00 GMT": 60,
    "Thursday, 01-Jan-26 00:01:00 GMT": 60,
    "Thu Jan  1 00:01:00 2026": 60,
    "Thu Jan 01 00:01:00 2026": 60,
    # The day of the week is redundant.
    "Mon, 01 Jan 2026 00:01:00 GMT": 60,
    "Thu, 01 Jan 2026 00:01:60 GMT": 119,
    "Wed, 31 Dec 2025 23:59:59 GMT": 0,
    "Sun, 06 Nov 1994 08:49:37 GMT": 0,
    "Sunday, 06-Nov-94 08:49:37 GMT": 0,
    "Sun Nov  6 08:49:37 1994": 0,
    "Fri, 31 Dec 9999 23:59:59 GMT": MAX_RETRY_AFTER,
    # Two digits of a year mean one that is at most 50 years ahead.
    "Wednesday, 01-Jan-76 00:00:00 GMT": MAX_RETRY_AFTER,
    "Saturday, 01-Jan-77 00:00:00 GMT": 0,
}
NO_VALUES = (
    "",
    " ",
    "soon",
    "1.5",
    "1e3",
    "+5",
    "--5",
    "0x10",
    "5s",
    "5, 10",
    "١٢",
    "½",
    "\x00",
    "Thu, 01 Jan 2026 00:01:00",
    "Thu, 01 Jan 2026 00:01:00 UTC",
    "Thu, 01 Jan 2026 00:01:00 +0000",
    "thu, 01 jan 2026 00:01:00 gmt",
    "Thu, 1 Jan 2026 00:01:00 GMT",
    "Thu, 30 Feb 2026 00:01:00 GMT",
    "Thu, 00 Jan 2026 00:01:00 GMT",
    "Thu, 01 Jan 0000 00:01:00 GMT",
    "Thu, 01 Jan 2026 24:00:00 GMT",
    "Thu, 01 Jan 2026 00:60:00 GMT",
    "Thu, 01 Jan 2026 00:01:61 GMT",
    "Thu, 01 Jan 26 00:01:00 GMT",
    "Thu Jan 1 00:01:00 2026",
    "2026-01-01T00:01:00Z",
    "1767225660 GMT",
)


@pytest.mark.parametrize("value", VALUES)
def test_seconds_and_dates_are_the_time_to_wait_within_bounds(value: str) -> None:
    assert read_retry_after(value.encode("latin-1"), NOW) == VALUES[value]


@pytest.mark.parametrize("value", NO_VALUES)
def test_anything_else_asks_for_nothing(value: str) -> None:
    assert read_retry_after(value.encode(), NOW) is None


@pytest.mark.parametrize("form", FORMS)
@given(ahead=st.integers(-100_000, 100_000), now=st.integers(0, 4_000_000_000))
def test_a_date_is_read_in_each_form_as_it_was_written(form: str, ahead: int, now: int) -> None:
    written = time.strftime(form, time.gmtime(max(0, now + ahead)))
    assert read_retry_after(written.encode(), now) == min(max(0, max(0, now + ahead) - now), MAX_RETRY_AFTER)


@given(st.binary(max_size=40) | st.from_regex(r"[-+ 0-9A-Za-z,:]{0,40}", fullmatch=True).map(str.encode))
def test_whatever_a_target_writes_is_a_time_within_bounds_or_nothing(value: bytes) -> None:
    seconds = read_retry_after(value, NOW + 0.5)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER

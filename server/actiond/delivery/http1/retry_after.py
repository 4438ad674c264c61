"""Reads the Retry-After field of a response: RFC 9110, 10.2.3. Does no I/O, and is given the time."""

import re
from datetime import UTC, datetime

MAX_RETRY_AFTER = 86_400
"""Limit on the seconds that are returned. How many of them are waited is for the caller to decide."""

_SECONDS = re.compile(r"(-?)0*([0-9]+)")
_MAX_DIGITS = 10
"""How many digits of a number are read: so many are over the limit, whatever follows them."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-5][0-9]|60)"
# The three forms of an HTTP-date: RFC 9110, 5.6.7. The day of the week says nothing that the date does not.
_DATES = tuple(
    re.compile(form)
    for form in (
        rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",
        rf"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",
        rf"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {_MONTH} (?P<day>[ 0-9][0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)


def read_retry_after(value: bytes, now: float) -> float | None:
    """Return the seconds to wait, at most MAX_RETRY_AFTER, and none for a time that has passed.

    None if the value is neither a number of seconds nor a date. `now` is in seconds since the epoch.
    """
    text = value.decode("latin-1").strip(" \t")
    seconds = _number(text)
    if seconds is None:
        moment = _moment(text, now)
        seconds = None if moment is None else moment - now
    return None if seconds is None else min(max(0.0, seconds), float(MAX_RETRY_AFTER))


def _number(text: str) -> float | None:
    match = _SECONDS.fullmatch(text)
    return None if match is None else float(match[1] + match[2][:_MAX_DIGITS])


def _moment(text: str, now: float) -> float | None:
    """Return the time that an HTTP-date means, in seconds since the epoch; None for any other text."""
    match = next(filter(None, (form.fullmatch(text) for form in _DATES)), None)
    if match is None:
        return None
    parts = {name: int(digits) for name, digits in match.groupdict().items() if name != "month"}
    year = parts.pop("year")
    if len(match["year"]) == 2:
        year = _full_year(year, datetime.fromtimestamp(now, UTC).year)
    parts["second"] = min(parts["second"], 59)  # datetime knows no leap second
    try:
        return datetime(year, _MONTHS.index(match["month"]) + 1, tzinfo=UTC, **parts).timestamp()
    except ValueError:
        return None


def _full_year(last_digits: int, this_year: int) -> int:
    """Return the year with these last two digits that is at most 50 years ahead: RFC 9110, 5.6.7."""
    year = this_year - this_year % 100 + last_digits
    return year - 100 if year > this_year + 50 else year

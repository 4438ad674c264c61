"""google.protobuf.Duration and Timestamp: their JSON strings and their ranges.

Works on seconds and nanoseconds, not on messages.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

from rpcfront.transcoding.json.parse_errors import WrongFormError

NANOS = 1_000_000_000
DURATION_OUT_OF_RANGE = (
    "must be a duration from -315576000000s to 315576000000s, its seconds and nanos of the same sign"
)
TIMESTAMP_OUT_OF_RANGE = "must be a time from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z"
_DURATION_FORM = 'must be a duration such as "10s" or "1.5s", with at most 9 digits after the point'
_TIMESTAMP_FORM = 'must be a time such as "2024-06-01T12:00:00Z", with at most 9 digits after the point'
DURATION_SECONDS = 315_576_000_000
_TIMESTAMP_FIRST = -62_135_596_800
TIMESTAMP_LAST = 253_402_300_799
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_ORDINAL = _EPOCH.toordinal()
_DAY = 86_400
_DURATION = re.compile(r"(-?)([0-9]+)(?:\.([0-9]{1,9}))?s")
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?"
    r"(?:Z|([+-])([01][0-9]|2[0-3]):([0-5][0-9]))"
)


def duration_in_range(seconds: int, nanos: int) -> bool:
    """Return whether a Duration is in range, by the rules of duration.proto."""
    return (
        -DURATION_SECONDS <= seconds <= DURATION_SECONDS
        and -NANOS < nanos < NANOS
        and (seconds <= 0 or nanos >= 0)
        and (seconds >= 0 or nanos <= 0)
    )


def timestamp_in_range(seconds: int, nanos: int) -> bool:
    """Return whether a Timestamp is in range, by the rules of timestamp.proto."""
    return _TIMESTAMP_FIRST <= seconds <= TIMESTAMP_LAST and 0 <= nanos < NANOS


def read_duration(value: object) -> tuple[int, int]:
    """Return the seconds and nanos of `"1.5s"`. Raises WrongFormError."""
    if type(value) is not str:
        raise WrongFormError(_DURATION_FORM)
    return _read_cached_duration(value) if len(value) <= _MAX_CACHED_LENGTH else _read_duration(value)


def _read_duration(text: str) -> tuple[int, int]:
    parts = _DURATION.fullmatch(text)
    if parts is None:
        raise WrongFormError(_DURATION_FORM)
    sign, digits, fraction = parts.groups()
    # A long row of digits is out of range, and Python refuses to convert very long ones.
    seconds = int(digits) if len(digits) < 20 else int(digits.lstrip("0")[:20] or "0")
    nanos = _nanos(fraction)
    if sign:
        seconds, nanos = -seconds, -nanos
    if not duration_in_range(seconds, nanos):
        raise WrongFormError(DURATION_OUT_OF_RANGE)
    return seconds, nanos


# Clients send the same few durations again and again.
_MAX_CACHED_LENGTH = 12
_read_cached_duration = lru_cache(maxsize=256)(_read_duration)


def read_timestamp(value: object) -> tuple[int, int]:
    """Return the seconds since the epoch and the nanos of an RFC 3339 time. Raises WrongFormError."""
    parts = _TIMESTAMP.fullmatch(value) if type(value) is str else None
    if parts is None:
        raise WrongFormError(_TIMESTAMP_FORM)
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = parts.groups()
    if year == "0000":
        raise WrongFormError(TIMESTAMP_OUT_OF_RANGE)
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    except ValueError:  # the 30th of February, 25 o'clock, a leap second
        raise WrongFormError(_TIMESTAMP_FORM) from None
    since = moment - _EPOCH
    seconds = since.days * _DAY + since.seconds
    if sign:
        offset = int(hours) * 3600 + int(minutes) * 60
        seconds += offset if sign == "-" else -offset
    if not _TIMESTAMP_FIRST <= seconds <= TIMESTAMP_LAST:
        raise WrongFormError(TIMESTAMP_OUT_OF_RANGE)
    return seconds, _nanos(fraction)


def print_duration(seconds: int, nanos: int) -> str:
    """Return `"1.500s"`, with 0, 3, 6 or 9 digits after the point. Raises ValueError for a Duration out of range."""
    if not duration_in_range(seconds, nanos):
        raise ValueError(f"a Duration of {seconds} s and {nanos} ns is out of range")
    sign = "-" if seconds < 0 or nanos < 0 else ""
    return f"{sign}{abs(seconds)}{_fraction(abs(nanos))}s"


def print_timestamp(seconds: int, nanos: int) -> str:
    """Return RFC 3339 with Z and 0, 3, 6 or 9 digits after the point. Raises ValueError for a time out of range."""
    if not timestamp_in_range(seconds, nanos):
        raise ValueError(f"a Timestamp of {seconds} s and {nanos} ns is out of range")
    minute, second = divmod(seconds, 60)
    return f"{_minute(minute)}{_TWO_DIGITS[second]}{_fraction(nanos)}Z"


_TWO_DIGITS = tuple(f"{number:02d}" for number in range(60))


@lru_cache(maxsize=1024)
def _minute(minute: int) -> str:
    """Return date and time up to the seconds. Cached, since the times in one response are often close to each other."""
    day, minute = divmod(minute, 1440)
    hour, minute = divmod(minute, 60)
    return f"{date.fromordinal(_EPOCH_ORDINAL + day).isoformat()}T{hour:02d}:{minute:02d}:"


def _nanos(fraction: str | None) -> int:
    return int(fraction.ljust(9, "0")) if fraction else 0


def _fraction(nanos: int) -> str:
    # Clocks give all nine digits, people give none.
    if nanos % 1_000:
        return f".{nanos:09d}"
    if not nanos:
        return ""
    return f".{nanos // 1_000:06d}" if nanos % 1_000_000 else f".{nanos // 1_000_000:03d}"

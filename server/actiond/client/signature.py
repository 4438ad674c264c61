"""The signatures of calls to targets: making them, and verifying a call where it is received.

Standard library only, so that a receiver may copy this file.

    verify(request.headers.get(HEADER), raw_body, key)  # raises SignatureError

Event deliveries are also signed as the Standard Webhooks specification says. Its libraries verify them with
`whsec(key)`.
"""

import hmac
import re
import time
from base64 import b64encode
from collections.abc import Sequence

HEADER = "ZITADEL-Signature"
"""The header that carries the signature."""
MAX_HEADER_LENGTH = 8192
"""Characters; about what HTTP servers accept. A signature has 68."""
TOLERANCE = 300
"""Seconds by which the time of a call may differ from the receiver's clock."""

_ELEMENT = re.compile(r"([a-z][a-z0-9]*)=([^,]*)")
_TIME = re.compile(r"[0-9]{1,12}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class SignatureError(ValueError):
    """The call is not proven to come, just now, from the holder of a key. Its text says why, and holds no secret."""


def header(body: bytes, keys: Sequence[str], now: int) -> str:
    """Return the header's value for a body: one signature per key, so that either key verifies it during a rotation.

    `now` is in seconds since the epoch.
    """
    signed = _signed(str(now), body)
    return ",".join([f"t={now}", *(f"v1={_digest(signed, key).hex()}" for key in keys)])


def webhook_headers(message_id: str, body: bytes, keys: Sequence[str], now: int) -> dict[str, str]:
    """Return the headers of the Standard Webhooks specification for a message: one signature per key, as in `header`.

    `now` is in seconds since the epoch.
    """
    signed = b"%b.%b" % (message_id.encode(), _signed(str(now), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{b64encode(_digest(signed, key)).decode()}" for key in keys),
    }


def whsec(key: str) -> str:
    """Return a key in the form that Standard Webhooks libraries take. They decode it to the bytes of the key's text."""
    return f"whsec_{b64encode(key.encode()).decode()}"


def verify(
    header: str | None,
    body: bytes,
    key: str | Sequence[str],
    *,
    tolerance: float = TOLERANCE,
    now: float | None = None,
) -> None:
    """Check that one of the header's signatures was made with the key, or with one of several keys.

    `header` is the value of `ZITADEL-Signature`; None if the call has none. `body` is the body as it was received, byte
    for byte: JSON that was parsed and written again is a different body. Within the tolerance, a recorded call can be
    sent again: remember what you have seen for that long if you must not act on a call twice.

    Raises SignatureError.
    """
    keys = (key,) if isinstance(key, str) else tuple(key)
    if not keys or not all(keys):
        raise SignatureError("there is no key to verify the signature with, or it is empty")
    sent_at, digests = _parse(header)
    _check_time(int(sent_at), time.time() if now is None else now, tolerance)
    signed = _signed(sent_at, body)
    expected = [_digest(signed, one).hex() for one in keys]
    # All pairs are compared, each in constant time: the duration tells nothing about which one came close.
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in digests]
    if not any(matches):
        raise SignatureError("no signature matches the body and the key")


def _parse(header: str | None) -> tuple[str, list[str]]:
    """Return the time, as it was signed, and the signatures of version 1. Other versions are ignored."""
    if not header:
        raise SignatureError("the call is not signed")
    if len(header) > MAX_HEADER_LENGTH:
        raise SignatureError(f"the signature header is longer than {MAX_HEADER_LENGTH} characters")
    times, digests = [], []
    for element in header.split(","):
        match = _ELEMENT.fullmatch(element)
        if match is None:
            raise SignatureError("the signature header is malformed")
        name, value = match.groups()
        if name == "t":
            times.append(value)
        elif name == "v1":
            digests.append(value)
    if len(times) != 1 or not _TIME.fullmatch(times[0]):
        raise SignatureError("the signature header needs one time, in seconds")
    if not digests or not all(map(_DIGEST.fullmatch, digests)):
        raise SignatureError("the signature header needs signatures v1 of 64 hexadecimal digits")
    return times[0], digests


def _check_time(sent_at: int, now: float, tolerance: float) -> None:
    # Compared this way round, a NaN is refused.
    if not now - sent_at <= tolerance:
        raise SignatureError("the signature is too old")
    if not sent_at - now <= tolerance:
        raise SignatureError("the signature is from the future: the clocks differ")


def _signed(sent_at: str, body: bytes) -> bytes:
    return b"%b.%b" % (sent_at.encode(), body)


def _digest(signed: bytes, key: str) -> bytes:
    return hmac.digest(key.encode(), signed, "sha256")

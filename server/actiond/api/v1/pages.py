"""Page tokens: where the next page of a list begins. Clients pass them on without looking into them."""

import base64
import binascii
import hashlib
import struct

from google.protobuf.message import Message

from actiond.actions.queries import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from actiond.api.v1.errors import PageTokenInvalidError

_TOKEN = struct.Struct(">Q8s")
"""The id that the page ended with, and a digest of the list's filter."""


def page_size_of(wanted: int) -> int:
    """Return how many items a page has at most: what the client wants, within limits; 0 means the default."""
    return min(wanted or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def page_token(last_id: int, wanted: Message) -> str:
    """Return the token of the page that follows one which ends with this id, in a list with this filter."""
    return base64.urlsafe_b64encode(_TOKEN.pack(last_id, _digest(wanted))).decode().rstrip("=")


def last_id_of(token: str, wanted: Message) -> int | None:
    """Return the id that the page before ended with; None for the first page, which has no token.

    Raises PageTokenInvalidError for what is no token, and for that of a list with another filter.
    """
    if not token:
        return None
    try:
        last_id, digest = _TOKEN.unpack(base64.b64decode(f"{token}==", b"-_", validate=True))
    except (binascii.Error, ValueError, struct.error) as error:
        raise PageTokenInvalidError from error
    if digest != _digest(wanted) or last_id >= 2**63:
        raise PageTokenInvalidError
    return int(last_id)


def _digest(wanted: Message) -> bytes:
    return hashlib.sha256(wanted.SerializeToString(deterministic=True)).digest()[:8]

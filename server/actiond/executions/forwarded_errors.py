"""The error that a target lets a call end with, by its successful response: as ZITADEL's `ForwardedError`."""

import orjson

from actiond.actions.errors import ExecutionForwardedError

MAX_MESSAGE_LENGTH = 2_000
"""Characters of a message: trailers and headers have to hold it."""
_STATUS, _MESSAGE = "forwardedStatusCode", "forwardedErrorMessage"


def forwarded_error(body: bytes) -> ExecutionForwardedError | None:
    """Return the error that a response's body forwards; None unless it is a JSON object with one of the keys."""
    if b'"forwarded' not in body:
        return None
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or not (_STATUS in document or _MESSAGE in document):
        return None
    status, message = document.get(_STATUS), document.get(_MESSAGE)
    return ExecutionForwardedError(
        status if type(status) is int else 0, message[:MAX_MESSAGE_LENGTH] if isinstance(message, str) else ""
    )

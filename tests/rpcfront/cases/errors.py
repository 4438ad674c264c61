"""The table of errors: the HTTP status of each code, and what its page holds.

The names in brackets are those of the worked examples.
"""

from dataclasses import replace
from typing import Any

from tests.rpcfront.cases.rows import Row, error

HTTP_STATUS = {
    1: 499,
    2: 500,
    3: 400,
    4: 504,
    5: 404,
    6: 409,
    7: 403,
    8: 429,
    9: 400,
    10: 409,
    11: 400,
    12: 501,
    13: 500,
    14: 503,
    15: 500,
    16: 401,
}

CODES = [
    Row(
        f"code {code} (er{code:03})",
        f"GET /v1/err/{code}",
        replace(
            error(status, code, www_authenticate="Bearer" if status == 401 else None),
            body=f'{{"code":{code},"message":"message {code}","details":[]}}'.encode(),
        ),
    )
    for code, status in HTTP_STATUS.items()
]

NO_CODES = [
    Row(f"code {code}", f"GET /v1/err/{code}", error(500, 13, "internal error", details=[]))
    for code in (0, 17, -1, 600)
]

INFO = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "EARLY", "domain": "t", "metadata": {"k": "v"}}
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
UNKNOWN = {"@type": "type.googleapis.com/no.such.Type", "value": "CAE="}


def _detailed(name: str, names: str, *details: Any, **headers: Any) -> Row:
    return Row(name, f"GET /v1/err/8?name={names}", error(429, 8, "message 8", details=list(details), **headers))


DETAILS = [
    _detailed("a detail in its JSON form", "info", INFO, retry_after=None),
    _detailed("details in their order", "retry,info", RETRY, INFO),
    _detailed("a detail of a type that nobody knows", "unknown", UNKNOWN),
    _detailed("it hides no other", "unknown,info", UNKNOWN, INFO),
    _detailed("when to try again (er022)", "retry", RETRY, retry_after="7"),
    _detailed("when to try again, rounded up", "soon", {**RETRY, "retryDelay": "1.000000001s"}, retry_after="2"),
    *[
        Row(f"the message {text!r}", f"GET /v1/err/5?sub.s={sent}", error(404, 5, text, details=[]))
        for text, sent in {
            "a b": "a%20b",
            "100%": "100%25",
            'say "a\\b"': "say%20%22a%5Cb%22",
            "ü😀": "%C3%BC%F0%9F%98%80",
            "a\r\nb: c": "a%0D%0Ab:%20c",
            "\x00\x7f": "%00%7F",
        }.items()
    ],
]

"""What the listener itself refuses of the heads of requests, by the RFCs: its rules, told a second time."""

import re

from tests.fuzz.cases.inputs import HttpInput
from tests.fuzz.readings import require, strict_json
from tests.fuzz.senders.answers import HttpAnswer, ServersOwn
from tests.fuzz.service import ORIGIN, methods

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# RFC 3986, section 3.2.2, and a port.
_HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.]+\]|\[[vV][0-9A-Fa-f]+\.[\w\-.~!$&'()*+,;=:]+\]"
    r"|(?:[\w\-.~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?",
    re.ASCII,
)
_METHOD_NAMES = (
    "GET HEAD POST PUT PATCH DELETE OPTIONS TRACE ACL BIND CHECKOUT COPY LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR"
    " MKCOL MOVE NOTIFY PROPFIND PROPPATCH PURGE QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE UNBIND UNLINK UNLOCK"
    " UNSUBSCRIBE"
)
_METHODS = frozenset(_METHOD_NAMES.split())
"""The methods that the parser of HTTP/1.1 knows. CONNECT, which it knows too, is for proxies."""
_TARGET = re.compile(rb"[\x21-\x7e]+")
_MAX_FIELDS = 100
_CODES = {
    400: (3, "invalid_argument"),
    417: (3, "invalid_argument"),
    429: (8, "resource_exhausted"),
    431: (8, "resource_exhausted"),
    501: (12, "unimplemented"),
}
_CHARSET = frozenset({417, 431})
"""On the path of an RPC these name their charset, so that clients of other protocols do not take them for Connect's."""
PROTOCOL_ERROR = 1
"""RFC 9113, section 7."""


def _is_parsed(request: HttpInput) -> bool:
    """Whether the parser of HTTP/1.1 gets beyond the first line. Targets are URIs, in ASCII: RFC 9112, section 3.2."""
    return request.method in _METHODS and _TARGET.fullmatch(request.target) is not None


def http1(request: HttpInput) -> frozenset[int]:
    """The statuses, one of which the listener must answer with over HTTP/1.1. None if it must serve the request."""
    if not _is_parsed(request):
        return frozenset({400 if request.method in _METHODS else 501})
    hosts = request.values("host")
    # RFC 9112, section 3.2.
    is_host = len(hosts) == 1 and _HOST.fullmatch(hosts[0])
    return http2(request) if is_host else http2(request) | {400}


def http2(request: HttpInput) -> frozenset[int]:
    """The same over HTTP/2, of a request that is not malformed."""
    due: set[int] = set()
    # RFC 9110, section 10.1.1.
    if any(value.lower() != "100-continue" for value in request.values("expect")):
        due.add(417)
    if len(request.framed()) > _MAX_FIELDS:
        due.add(431)
    return frozenset(due)


def is_malformed(request: HttpInput) -> bool:
    """Whether it is over HTTP/2, which resets its stream: RFC 9113, sections 8.1.1, 8.2 and 8.3."""
    is_path = request.target.startswith(b"/") or (request.target == b"*" and request.method == "OPTIONS")
    if request.method == "CONNECT" or not is_path or b" " in request.target:
        return True
    return any(_is_malformed(name, value) for name, value in request.headers if name != "host")


def _is_malformed(name: str, value: str) -> bool:
    connection_specific = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
    return name in connection_specific or not _TOKEN.fullmatch(name) or (name == "te" and value.lower() != "trailers")


def checked(request: HttpInput, answer: HttpAnswer, *, over_http2: bool = False) -> HttpAnswer | ServersOwn:
    """The listener's answer, as the server's own if it must be that. Raises MalformedError."""
    statuses = http2(request) if over_http2 else http1(request)
    if not statuses:
        return answer
    # Of a request that cannot be parsed nothing is known.
    is_parsed = over_http2 or _is_parsed(request)
    is_connect = is_parsed and request.path.decode("latin-1") in methods()
    require(answer.status in statuses, "the listener refuses a head that is not acceptable", statuses, answer)
    require(over_http2 or answer.values("connection") == ["close"], "nothing is read behind such a head", answer)
    charset = "; charset=utf-8" if is_connect and answer.status in _CHARSET else ""
    require(answer.values("content-type") == [f"application/json{charset}"], "an error is JSON", answer)
    require(answer.values("vary") == ["Origin"], "Vary names Origin", answer)
    require(len(answer.values("x-request-id")) == 1, "an answer has an id", answer)
    if is_parsed and len(request.values("origin")) == 1:
        granted = answer.values("access-control-allow-origin")
        require(granted == [origin for origin in request.values("origin") if origin == ORIGIN], "CORS grants", granted)
    if request.method != "HEAD":
        error = strict_json(answer.body)
        number, name = _CODES[answer.status]
        require(is_connect or list(error) == ["code", "message", "details"], "an error has three keys", answer)
        require(error["code"] == (name if is_connect else number), "the code goes with the HTTP status", answer)
    return ServersOwn(answer.status)

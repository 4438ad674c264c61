"""A gateway's WSGI face, called as a WSGI server calls it, and held to PEP 3333 by the standard library's validator."""

import sys
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

from tests.fuzz.cases.inputs import HttpInput, Quirk
from tests.fuzz.senders.answers import HttpAnswer

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

# The validator warns of any other.
_KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS", "PATCH", "PUT", "DELETE", "TRACE"})
_NO_NUMBERS = ("abc", "-1", "+5", "1_0", "1e1", " ", "9" * 5000, "\xb2")


def environ_of(request: HttpInput) -> dict[str, Any]:
    """The environment of PEP 3333; headers that repeat are joined, as servers do."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query.decode("latin-1"),
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(b"".join(request.parts())),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if not request.has(Quirk.NO_RAW_PATH):
        environ["REQUEST_URI"] = request.target.decode("latin-1")
    if not request.has(Quirk.NO_PEER):
        environ |= {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50000"}
    for name, value in request.framed():
        key = name.upper().replace("-", "_")
        key = key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"
        environ[key] = f"{environ[key]}, {value}" if key in environ else value
    if "HTTP_TRANSFER_ENCODING" in environ:
        environ["wsgi.input_terminated"] = True
    elif request.body and request.has(Quirk.LYING_LENGTH):
        environ["CONTENT_LENGTH"] = _NO_NUMBERS[len(request.body) % len(_NO_NUMBERS)]
    return environ


def call(application: Application, request: HttpInput) -> HttpAnswer:
    """The answer. Raises AssertionError for a misuse of WSGI."""
    environ = environ_of(request)
    # The validator reads the length as a number, and knows neither `*` nor methods of other people's making.
    is_plain = request.method in _KNOWN_METHODS and request.path != b"*" and not request.has(Quirk.LYING_LENGTH)
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], _error: Any = None) -> Callable[[bytes], None]:
        started.append((status, headers))
        return lambda data: None

    result = (validator(application) if is_plain else application)(environ, start_response)
    try:
        parts = tuple(result)
    finally:
        if hasattr(result, "close"):
            result.close()
    assert len(started) == 1
    status, headers = started[0]
    return HttpAnswer(int(status.split()[0]), tuple(headers), parts)

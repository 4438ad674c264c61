"""The receivers that docs/targets.md shows, and calls to them."""

import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "targets.md"


@contextmanager
def serving(name: str) -> Iterator[str]:
    """Serve by the page's class of this name; its URL. The environment must be as the page wants it."""
    (block,) = [
        block
        for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
        if f"\nclass {name}(" in block
    ]
    names: dict[str, Any] = {"__name__": "page"}
    exec(block, names)  # noqa: S102  # that is the point
    handler: type[BaseHTTPRequestHandler] = names[name]
    handler.log_message = lambda *_: None  # type: ignore[method-assign]  # a test's output is not for it
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(url, body, headers)  # noqa: S310  # it is ours
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # it is ours
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()

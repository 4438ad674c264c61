"""Where the document says that its paths are: a client that appends a path to it reaches the operation."""

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from rpcfront import Gateway, Info
from tests.rpcfront.openapi.documented import INFO
from tests.support.clients.http import ask
from tests.support.servers.faces import asgi_server, listener, wsgi_server
from tests.support.servers.mounts import Mounted
from tests.support.services import echo

SERVERS: dict[str, Callable[[Any], AbstractAsyncContextManager[int]]] = {
    "asgi": asgi_server,
    "wsgi": wsgi_server,
    "listener": listener,
}
ROWS = [
    ("asgi", "", "", None),
    ("wsgi", "", "", None),
    ("listener", "", "", None),
    ("asgi", "/api", "", "/api"),
    ("wsgi", "/api", "", "/api"),
    ("asgi", "/a b/käse", "", "/a%20b/k%C3%A4se"),
    ("wsgi", "/a b/käse", "", "/a%20b/k%C3%A4se"),
    ("listener", "", "/proxied", "/proxied"),
    ("asgi", "/api", "/proxied/here", "/proxied/here/api"),
    ("wsgi", "/api", "/proxied/here", "/proxied/here/api"),
]


@pytest.mark.parametrize(("face", "mount", "prefix", "expected"), ROWS)
async def test_the_document_says_below_which_path_it_is_served(
    face: str, mount: str, prefix: str, expected: str | None
) -> None:
    gateway = Gateway([(echo.service(), echo.AsyncEcho())], openapi=replace(INFO, prefix=prefix))
    async with SERVERS[face](Mounted(gateway, mount) if mount else gateway) as port:
        document = json.loads((await ask(port, "GET", f"{quote(mount)}/openapi.json")).body)
        assert document.get("servers") == (None if expected is None else [{"url": expected}])
        # What a proxy does: it takes its prefix off.
        base = document["servers"][0]["url"].removeprefix(prefix) if expected else ""
        assert (await ask(port, "GET", f"{base}/v1/notes/a")).body == b'{"id":"a"}'


@pytest.mark.parametrize("prefix", ["api", "/", "/api/", "//api", "/a b", "/a?b", "/ä", "https://a.example", "/%zz"])
def test_a_prefix_that_is_no_path_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="percent-encoded"):
        Info("The title", "1", prefix=prefix)

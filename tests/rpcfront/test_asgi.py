"""What is ASGI's own: mounts, the lifespan protocol, WebSockets, and what servers may leave out."""

from collections.abc import Mapping
from typing import Any

import pytest

from rpcfront import Gateway
from tests.support.services import echo


@pytest.fixture
def gateway() -> Gateway:
    return Gateway(services=[(echo.service(), echo.AsyncEcho())])


async def ask(gateway: Gateway, **scope: Any) -> tuple[int, Mapping[bytes, bytes], bytes]:
    """A request without a body; what an ASGI server sends of the answer."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(event: Any) -> None:
        sent.append(event)

    await gateway.asgi({"type": "http", "method": "GET", "headers": [], **scope}, receive, send)
    assert [event["type"] for event in sent] == ["http.response.start", "http.response.body"]
    assert not sent[-1]["more_body"]
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize("root_path", ["/api", "/api/"])
async def test_below_a_mount_paths_begin_behind_it(gateway: Gateway, root_path: str) -> None:
    status, _, body = await ask(gateway, path="/api/v1/notes/a b", raw_path=b"/api/v1/notes/a%20b", root_path=root_path)
    assert (status, body) == (200, b'{"id":"a b"}')


@pytest.mark.parametrize("raw_path", [b"/k%C3%A4se%20b/v1/notes/a", b"/k%c3%a4se%20b/v1/notes/%61"])
async def test_a_mount_s_path_is_compared_decoded(gateway: Gateway, raw_path: bytes) -> None:
    status, _, body = await ask(gateway, path="/käse b/v1/notes/a", raw_path=raw_path, root_path="/käse b")
    assert (status, body) == (200, b'{"id":"a"}')


async def test_a_mount_s_path_may_be_as_it_was_sent(gateway: Gateway) -> None:
    # uvicorn's --root-path is neither decoded nor encoded.
    status, _, body = await ask(gateway, path="/a%20b/v1/notes/a", raw_path=b"/a%20b/v1/notes/a", root_path="/a%20b")
    assert (status, body) == (200, b'{"id":"a"}')


async def test_a_path_that_only_begins_like_the_mount_is_left_whole(gateway: Gateway) -> None:
    status, _, _ = await ask(gateway, path="/apiv1/notes/a", raw_path=b"/apiv1/notes/a", root_path="/api")
    assert status == 404


async def test_without_a_raw_path_the_path_counts_as_decoded(gateway: Gateway) -> None:
    status, _, body = await ask(gateway, path="/v1/notes/100% ü", query_string=b"text=x")
    assert (status, body) == (200, '{"id":"100% ü","text":"x"}'.encode())


@pytest.mark.parametrize("target", [b"http://a.example/v1/notes/a", b"/v1/notes/a?text=b"])
async def test_the_path_is_found_in_whatever_target_a_server_hands_over(gateway: Gateway, target: bytes) -> None:
    status, _, body = await ask(gateway, path="/v1/notes/a", raw_path=target)
    assert (status, body) == (200, b'{"id":"a"}')


async def test_an_answer_says_its_length(gateway: Gateway) -> None:
    _, headers, body = await ask(gateway, path="/v1/notes/a", raw_path=b"/v1/notes/a")
    assert int(headers[b"content-length"]) == len(body)


async def test_a_head_is_answered_with_the_length_and_without_the_body(gateway: Gateway) -> None:
    _, headers, body = await ask(gateway, method="HEAD", path="/v1/notes/a", raw_path=b"/v1/notes/a")
    assert (headers[b"content-length"], body) == (b"10", b"")


async def test_a_server_that_names_no_client_is_answered(gateway: Gateway) -> None:
    status, _, body = await ask(gateway, path="/v1/metadata", raw_path=b"/v1/metadata", client=None)
    assert (status, body) == (200, b'{"code":-1}')


async def test_the_lifespan_protocol_is_followed(gateway: Gateway) -> None:
    events = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return events.pop(0)

    async def send(event: Any) -> None:
        sent.append(event["type"])

    await gateway.asgi({"type": "lifespan"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_a_websocket_is_closed(gateway: Gateway) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(event: Any) -> None:
        sent.append(event)

    await gateway.asgi({"type": "websocket", "path": "/"}, receive, send)
    assert sent == [{"type": "websocket.close"}]

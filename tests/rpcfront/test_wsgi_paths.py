"""Where the WSGI face finds the path as it was sent, and what it makes of a server that hands over another."""

import json
from typing import Any

import pytest

from rpcfront import Gateway
from tests.rpcfront.bare_sonora import App, call
from tests.support.clients.http import Reply
from tests.support.services import fixture_service


@pytest.fixture(scope="module")
def app() -> App:
    return Gateway(services=fixture_service.services()).wsgi


def get(app: App, **environ: Any) -> Reply:
    return call(app, b"", REQUEST_METHOD="GET", CONTENT_TYPE="", CONTENT_LENGTH="", **environ)


@pytest.mark.parametrize("name", ["RAW_URI", "REQUEST_URI"])
@pytest.mark.parametrize(
    "target",
    ["/v1/get/a%2Fb%25", "/v1/get/a%2Fb%25?", "/v1/get/a%2Fb%25?i32=0", "http://localhost:80/v1/get/a%2Fb%25?i32=0"],
)
def test_the_raw_path_is_read_where_the_server_gives_it(app: App, name: str, target: str) -> None:
    reply = get(app, PATH_INFO="/v1/get/a/b%", **{name: target})
    assert json.loads(reply.body) == {"id": "a/b%"}


def test_the_raw_path_of_a_mount_begins_behind_it(app: App) -> None:
    reply = get(app, SCRIPT_NAME="/api", PATH_INFO="/v1/get/a/b", REQUEST_URI="/api/v1/get/a%2Fb")
    assert json.loads(reply.body) == {"id": "a/b"}


def test_a_mount_s_path_is_compared_decoded(app: App) -> None:
    mount = "/käse b".encode().decode("latin-1")
    reply = get(app, SCRIPT_NAME=mount, PATH_INFO="/v1/get/a", REQUEST_URI="/k%C3%A4se%20b/v1/get/%61")
    assert json.loads(reply.body) == {"id": "a"}


def test_a_path_that_only_begins_like_the_mount_is_left_whole(app: App) -> None:
    assert get(app, SCRIPT_NAME="/api", PATH_INFO="", REQUEST_URI="/api-/v1/get/a").status == 404


def test_without_one_the_path_is_the_decoded_one_in_latin_1(app: App) -> None:
    reply = get(app, SCRIPT_NAME="/api", PATH_INFO="/v1/get/ü😀".encode().decode("latin-1"))
    assert json.loads(reply.body) == {"id": "ü😀"}


def test_a_decoded_path_is_not_decoded_again(app: App) -> None:
    assert json.loads(get(app, PATH_INFO="/v1/get/100%41").body) == {"id": "100%41"}


def test_a_decoded_path_that_is_not_unicode_is_refused(app: App) -> None:
    reply = get(app, PATH_INFO="/v1/get/\xff")
    assert (reply.status, json.loads(reply.body)["code"]) == (400, 3)


def test_a_decoded_path_is_served_though_its_slashes_cannot_be_told_apart(app: App) -> None:
    reply = get(app, PATH_INFO="/v1/multi/shelves/1/books/2")
    assert json.loads(reply.body) == {"name": "shelves/1/books/2"}

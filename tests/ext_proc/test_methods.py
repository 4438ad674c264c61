"""Which method a path names, also for an upstream that reads paths less strictly than gRPC does."""

from pathlib import Path

import pytest

from actiond.api.descriptor_sets import read_descriptor_set
from actiond.api.ext_proc.methods import MAX_FOUND, MAX_PATH_LENGTH, Methods
from actiond.api.known_methods import KnownMethods
from tests.support.proxied.shop import PLACE


def test_a_path_names_its_method(methods: Methods) -> None:
    named = methods.find(PLACE)
    assert named.path == PLACE
    assert named.method is not None
    assert named.method.request_class.DESCRIPTOR.full_name == "shop.v1.Order"


@pytest.mark.parametrize(
    "path",
    [
        "/shop.v1.shop/place",
        "/shop.v1.Shop/Pl%61ce",
        "/shop.v1.Shop%2FPlace",
        "/shop.v1.Shop/Place?x=1",
        "/shop.v1.Shop/Place#x",
        "/shop.v1.Shop/Place/",
        "//shop.v1.Shop//Place",
        "/shop.v1.Shop/./Place",
        "/x/../shop.v1.Shop/Place",
        "/shop.v1.Shop\\Place",
        "/shop.v1.Shop;v=1/Place;x",
        "shop.v1.Shop/Place",
    ],
)
def test_another_spelling_is_found_and_called_so(methods: Methods, path: str) -> None:
    named = methods.find(path)
    assert (named.path, named.method, named.is_other_spelling) == (PLACE, None, True)


@pytest.mark.parametrize(
    ("path", "named_path", "is_of_no_service", "may_be_grpc"),
    [
        ("/shop.v1.Shop/Unknown", "/shop.v1.shop/unknown", False, True),
        ("/SHOP.v1.shop/Unknown?x", "/shop.v1.shop/unknown", False, True),
        ("/shop.v1.Shop", "/shop.v1.shop/", False, False),
        ("/other.v1.Other/Place", "/other.v1.other/place", True, True),
        ("/a/b/c", "/a/b/c", True, False),
        ("/index.html", "/index.html/", True, False),
        ("/", "//", True, False),
        ("", "//", True, False),
        ("*", "/*/", True, False),
    ],
)
def test_what_is_not_known_is_named_as_the_least_strict_server_would_read_it(
    methods: Methods, path: str, named_path: str, is_of_no_service: bool, may_be_grpc: bool
) -> None:
    named = methods.find(path)
    assert (named.path, named.method, named.is_other_spelling) == (named_path, None, False)
    assert (named.is_of_no_service, named.may_be_grpc) == (is_of_no_service, may_be_grpc)


def test_no_more_is_remembered_than_so_many_paths_whatever_clients_ask_for(methods: Methods) -> None:
    for number in range(3 * MAX_FOUND):
        assert methods.find(f"/a{number}.B/C").is_of_no_service
        assert len(methods._found) <= MAX_FOUND
    methods.find("/" + "a" * 100_000)
    assert max(map(len, methods._found)) <= MAX_PATH_LENGTH


def test_what_has_become_known_is_found(shop_set: Path) -> None:
    known = KnownMethods((), [])
    methods = Methods(known)
    assert methods.find(PLACE).path == methods.find("/shop.v1.shop/place").path == PLACE.lower()
    known.replace_reflected([read_descriptor_set(shop_set)])
    assert methods.find(PLACE).method is not None
    assert methods.find("/shop.v1.shop/place").is_other_spelling

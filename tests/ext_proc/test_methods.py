"""Which method a path names, also for an upstream that reads paths less strictly than gRPC does."""

import pytest

from actiond.api.ext_proc.methods import Methods
from tests.ext_proc.shop import PLACE


def test_a_path_names_its_method(methods: Methods) -> None:
    named = methods.find(PLACE)
    assert named.name == "shop.v1.Shop.Place"
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
    assert (named.name, named.method, named.is_other_spelling) == ("shop.v1.Shop.Place", None, True)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/shop.v1.Shop/Unknown", "shop.v1.Shop.?"),
        ("/SHOP.v1.shop/Unknown?x", "shop.v1.Shop.?"),
        ("/shop.v1.Shop", "shop.v1.Shop.?"),
        ("/other.v1.Other/Place", "?.?"),
        ("/index.html", "?.?"),
        ("/", "?.?"),
        ("", "?.?"),
        ("*", "?.?"),
    ],
)
def test_what_is_not_known_has_the_name_of_its_service_at_most(methods: Methods, path: str, name: str) -> None:
    named = methods.find(path)
    assert (named.name, named.method, named.is_of_no_service) == (name, None, name == "?.?")


def test_nothing_is_kept_of_paths_that_name_no_method(methods: Methods) -> None:
    assert len({methods.find(f"/a{number}.B/C").name for number in range(1000)}) == 1

"""From path templates to the paths of OpenAPI."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.openapi.integer_pattern import between
from rpcfront.openapi.paths import PathParameter, path_of, paths_of
from rpcfront.transcoding.templates import parse

P = PathParameter

PATHS = [
    ("/", "/", ()),
    ("/v1/things", "/v1/things", ()),
    ("/v1/things:all", "/v1/things:all", ()),
    ("/v1/{id}", "/v1/{id}", (P("id", ("id",)),)),
    ("/v1/{id}:cancel:now", "/v1/{id}:cancel:now", (P("id", ("id",)),)),
    ("/v1/{a.b}/c", "/v1/{a-b}/c", (P("a-b", ("a", "b")),)),
    ("/v1/{id=*}", "/v1/{id}", (P("id", ("id",)),)),
    ("/v1/{name=**}", "/v1/{name}", (P("name", ("name",), takes_rest=True),)),
    ("/v1/{name=fixed}", "/v1/fixed", ()),
    ("/v1/{name=shelves/*}", "/v1/shelves/{name-1}", (P("name-1", ("name",), "shelves/{name-1}"),)),
    (
        "/v1/{name=a/*/b/**}:go",
        "/v1/a/{name-1}/b/{name-2}:go",
        (
            P("name-1", ("name",), "a/{name-1}/b/{name-2}"),
            P("name-2", ("name",), "a/{name-1}/b/{name-2}", takes_rest=True),
        ),
    ),
    ("/v1/*/{id}/*", "/v1/{any-1}/{id}/{any-2}", (P("any-1", ()), P("id", ("id",)), P("any-2", ()))),
    ("/v1/**", "/v1/{any-1}", (P("any-1", (), takes_rest=True),)),
]


@pytest.mark.parametrize(("template", "text", "parameters"), PATHS, ids=[row[0] for row in PATHS])
def test_a_template_becomes_a_path(template: str, text: str, parameters: tuple[PathParameter, ...]) -> None:
    path = path_of(parse(template))
    assert (path.text, path.parameters) == (text, parameters)


def texts(*routes: tuple[str, str]) -> list[str]:
    """The paths of some routes."""
    return [path.text for path in paths_of([(method, parse(template)) for method, template in routes])]


def test_paths_that_are_equal_to_openapi_have_the_same_names() -> None:
    first, second = paths_of([("GET", parse("/v1/{id}/{b}")), ("PUT", parse("/v1/{name=*/*}"))])
    assert first.text == second.text == "/v1/{id-or-name-1}/{b-or-name-2}"
    assert first.parameters == (P("id-or-name-1", ("id",)), P("b-or-name-2", ("b",)))
    whole = "{id-or-name-1}/{b-or-name-2}"
    assert second.parameters == (P("id-or-name-1", ("name",), whole), P("b-or-name-2", ("name",), whole))


def test_a_name_of_many_others_is_not_made() -> None:
    routes = [(method, f"/v1/{{{name * 30}}}") for method, name in (("GET", "a"), ("PUT", "b"), ("DELETE", "c"))]
    assert set(texts(*routes)) == {"/v1/{parameter-1}"}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (
            [("GET", "/f/{name=**}"), ("GET", "/f/{id}")],
            ["/f/{name-1}/{name-2}", "/f/{id}"],
        ),
        (
            [("GET", "/f/{name=**}"), ("GET", "/f/{id}"), ("GET", "/f/{a}/{b}")],
            ["/f/{name-1}/{name-2}/{name-3}", "/f/{id}", "/f/{a}/{b}"],
        ),
        (
            [("GET", "/f/{name=**}"), ("GET", "/f/{id}"), ("GET", "/f/{a}/{b=**}")],
            ["/f/{name-1}/{name-2}/{name-3}", "/f/{id}", "/f/{a}/{b}"],
        ),
        ([("GET", "/f/**:go"), ("GET", "/f/*:go")], ["/f/{any-1}/{any-2}:go", "/f/{any-1}:go"]),
        ([("GET", "/f/{name=x/**}"), ("GET", "/f/x/{id}")], ["/f/x/{name-1}/{name-2}", "/f/x/{id}"]),
        ([("PURGE", "/f/{name=**}"), ("PURGE", "/f/{name}")], ["/f/{name-1}/{name-2}", "/f/{name}"]),
        ([("GET", "/f/{name=**}"), ("PUT", "/f/{name}")], ["/f/{name}", "/f/{name}"]),
    ],
)
def test_no_two_routes_of_a_method_have_one_path(
    routes: list[tuple[str, str]], expected: list[str], *, turned: bool
) -> None:
    step = -1 if turned else 1
    assert texts(*routes[::step]) == expected[::step]


def test_the_route_that_gets_the_rest_says_what_its_parameters_are() -> None:
    rest, _ = paths_of([("GET", parse("/f/{name=**}")), ("GET", parse("/f/{id}"))])
    whole = "{name-1}/{name-2}"
    assert rest.parameters == (P("name-1", ("name",), whole), P("name-2", ("name",), whole, takes_rest=True))


@given(st.data(), st.sampled_from([(-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1), (0, 2**64 - 1), (0, 100), (-99, 99)]))
def test_a_pattern_admits_the_numbers_of_its_range_and_no_others(data: st.DataObject, bounds: tuple[int, int]) -> None:
    low, high = bounds
    edges = st.sampled_from([low, high]).flatmap(lambda edge: st.integers(edge - 3, edge + 3))
    number = data.draw(edges | st.integers(2 * low - 10, 2 * high))
    assert bool(re.fullmatch(between(low, high), str(number))) == (low <= number <= high)


@pytest.mark.parametrize("text", ["", "-", "+1", "01", "-01", "-0", "1.0", "1e3", " 1", "\uff11"])
def test_a_pattern_admits_one_spelling_of_a_number(text: str) -> None:
    assert not re.fullmatch(between(0, 2**64 - 1), text)

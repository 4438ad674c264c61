"""From path templates to the paths of OpenAPI."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.openapi.integer_pattern import between
from rpcfront.openapi.paths import PathParameter, path_of
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


def test_a_path_can_take_the_names_of_another_of_its_shape() -> None:
    first, second = path_of(parse("/v1/{id}/{b}")), path_of(parse("/v1/{name=*/*}"))
    assert first.shape == second.shape
    assert second.named_as(first).text == "/v1/{id}/{b}"
    assert second.named_as(first).parameters == (P("id", ("name",), "{id}/{b}"), P("b", ("name",), "{id}/{b}"))


@given(st.data(), st.sampled_from([(-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1), (0, 2**64 - 1), (0, 100), (-99, 99)]))
def test_a_pattern_admits_the_numbers_of_its_range_and_no_others(data: st.DataObject, bounds: tuple[int, int]) -> None:
    low, high = bounds
    edges = st.sampled_from([low, high]).flatmap(lambda edge: st.integers(edge - 3, edge + 3))
    number = data.draw(edges | st.integers(2 * low - 10, 2 * high))
    assert bool(re.fullmatch(between(low, high), str(number))) == (low <= number <= high)


@pytest.mark.parametrize("text", ["", "-", "+1", "01", "-01", "-0", "1.0", "1e3", " 1", "\uff11"])
def test_a_pattern_admits_one_spelling_of_a_number(text: str) -> None:
    assert not re.fullmatch(between(0, 2**64 - 1), text)

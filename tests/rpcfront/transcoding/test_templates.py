import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.transcoding.templates import EscapeError, Template, TemplateError, Variable, parse, percent_decode

ROWS = json.loads((Path(__file__).parent / "cases" / "path_template_parse.json").read_text())
# The others are right in themselves and wrong for a message: see test_routes.
SYNTAX_ROWS = [row for row in ROWS if "checked" not in row["expect"]]

LITERALS = st.lists(
    st.sampled_from([*"aZ0-._~!$&'()+,;=@", "%41", "%2F", "%2a", "%3A", "%C3%A9"]), min_size=1, max_size=4
).map("".join)
IDENTS = st.sampled_from(["a", "_", "Z9", "a_b", "__1"])
FIELD_PATHS = st.lists(IDENTS, min_size=1, max_size=3).map(tuple)
PLAIN = st.one_of(LITERALS, st.just("*"))


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """A template built piece by piece from the grammar, and what it must be read as."""
    text = ""
    segments: list[str] = []
    variables: list[Variable] = []
    pieces = draw(st.integers(1, 4))
    for index in range(pieces):
        rest = ["**"] if index == pieces - 1 and draw(st.booleans()) else []
        inner = draw(st.lists(PLAIN, min_size=0 if rest else 1, max_size=3)) + rest
        if draw(st.booleans()):
            field_path = draw(FIELD_PATHS)
            start = len(segments)
            is_multi_segment = len(inner) > 1 or inner == ["**"]
            variables.append(Variable(field_path, start, start + len(inner), is_multi_segment))
            short = inner == ["*"] and draw(st.booleans())
            text += "/{" + ".".join(field_path) + ("" if short else "=" + "/".join(inner)) + "}"
        else:
            text += "/" + "/".join(inner)
        segments += inner
    verb = ":".join(draw(st.lists(LITERALS, max_size=2)))
    return Template(text + (verb and f":{verb}"), tuple(segments), verb, tuple(variables))


@pytest.mark.parametrize("row", SYNTAX_ROWS, ids=[row["id"] for row in SYNTAX_ROWS])
def test_a_template_is_read_as_the_worked_examples_say(row: dict[str, Any]) -> None:
    expected = row["expect"]
    if not expected["valid"]:
        with pytest.raises(TemplateError):
            parse(row["template"])
        return
    template = parse(row["template"])
    assert list(template.segments) == expected["segments"]
    assert template.verb == expected["verb"]
    assert [[".".join(variable.field_path), variable.start, variable.end] for variable in template.variables] == [
        variable[:3] for variable in expected["vars"]
    ]


@given(templates())
def test_any_template_of_the_grammar_is_read_back(template: Template) -> None:
    assert parse(template.text) == template


@given(st.text(alphabet="/{}*:=.%_aB1é?# -", max_size=20))
def test_any_text_is_a_template_or_a_template_error(text: str) -> None:
    with suppress(TemplateError):
        assert parse(text).text == text


@pytest.mark.parametrize(
    "template",
    [
        "//",
        "/a/",
        "/a//b",
        "/:verb",
        "/a/:verb",
        "a:verb/",
        "/{}",
        "/{a.}",
        "/{.a}",
        "/{a..b}",
        "/{a=}",
        "/{a=/b}",
        "/{a=b/}",
        "/{a=b:c}",
        "/{a={b}}",
        "/{a=b/{c=d}/e}",
        "/{a b}",
        "/a}",
        "/a?b",
        "/a#b",
        "/a b",
        "/a%2",
        "/%FF",
        "/é",
        "/**/a",
        "/{a=**}/b",
        "/a:b*",
        "/a:{b}",
        "/a::b",
        "/a:%FF",
    ],
)
def test_a_template_outside_the_grammar_is_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        parse(template)


def test_a_template_error_names_the_template_and_the_fault() -> None:
    with pytest.raises(TemplateError, match=r"template '/v1/\{1\}': '1' is not a field path"):
        parse("/v1/{1}")


def test_the_root_is_a_template_without_segments() -> None:
    assert parse("/") == Template("/", (), "", ())


@pytest.mark.parametrize(
    ("sent", "text"),
    [("", ""), ("a", "a"), ("a+b", "a+b"), ("%41%2f%25", "A/%"), ("%252F", "%2F"), ("%E2%82%AC€", "€€"), ("%00", "\0")],
)
def test_percent_encoded_text_is_decoded_once(sent: str, text: str) -> None:
    assert percent_decode(sent) == text


def test_an_encoded_slash_can_stay_as_it_was_sent() -> None:
    assert percent_decode("%2F/%2f/%2A/%252F", keep_slashes=True) == "%2F/%2f/*/%2F"


@pytest.mark.parametrize("sent", ["%", "a%", "%2", "%zz", "%+1", "%%41", "%FF", "%C3", "%C3%2F", "%ED%A0%80", "\ud800"])
@pytest.mark.parametrize("keep_slashes", [False, True])
def test_a_broken_escape_is_refused(sent: str, keep_slashes: bool) -> None:
    with pytest.raises(EscapeError):
        percent_decode(sent, keep_slashes=keep_slashes)

"""Expressions of RE2 in Python's `re`, held to RE2 itself, which stands behind `matches` of protovalidate's CEL."""

from functools import cache
from typing import Any

import pytest
from google.protobuf.message_factory import GetMessageClass
from hypothesis import assume, given
from hypothesis import strategies as st
from protovalidate import EvaluationError

from rpcfront.validation.annotations import UnknownRuleError
from rpcfront.validation.fast_path.patterns import matcher, translated
from rpcfront.validation.validator import Validator
from tests.rpcfront.ruled import PROTO3, ruled_pool

SOURCE = f"""{PROTO3}
message Search {{
  option (buf.validate.message).cel = {{id: "m" message: "no" expression: "this.text.matches(this.pattern)"}};
  string text = 1;
  string pattern = 2;
}}
"""
KELVIN = "\N{KELVIN SIGN}"
LONG_S = "\N{LATIN SMALL LETTER LONG S}"
LETTERS = f"abkKsS01-._/ \n\té{KELVIN}{LONG_S}"


@cache
def _search() -> tuple[Validator, Any]:
    return Validator(), GetMessageClass(ruled_pool(SOURCE).FindMessageTypeByName("p.Search"))


def re2_finds(pattern: str, text: str) -> bool:
    rules, search = _search()
    return not rules.violations(search(pattern=pattern, text=text))


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("", "anything"),
        ("^a+$", "aaa"),
        ("a.c", "abcd"),
        (r"^\d{3}-\d{4,}$", "555-12345"),
        (r"^[\w.-]{1,3}\s[^\d]$", "a-b c"),
        ("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", "a1-b2-c3"),
        ("^(?i:https?)://(www[.])?[^/?#]+(/|$)", "HTTPS://example.com/x"),
        ("^(?:a|b)c|^d", "bc"),
        ("^(?:a|b)c|^d", "d"),
        ("^(ab){2}$", "abab"),
        (r"^\[\^\]\\$", r"[^]\ "[:-1]),
        ("^(?i:[^k])$", "x"),
        ("^(x(y(z)?)?)?$", "xyz"),
    ],
)
def test_an_expression_matches_as_in_re2(pattern: str, text: str) -> None:
    assert matcher(translated(pattern))(text)
    assert re2_finds(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text", "why"),
    [
        ("^a$", "a\n", "Python's $ matches before a newline at the end"),
        ("^(?i:k)$", KELVIN, "Unicode folds it"),
        ("^(?i:[^k])$", "K", "what is excluded is excluded in both cases"),
        ("^(?i:x(?:[^s]))$", "xS", "also inside a group further in"),
        ("^.$", "\n", "no newline"),
        (r"^\w$", "é", "ASCII alone"),
        (r"^\d$", "\N{ARABIC-INDIC DIGIT ONE}", "ASCII alone"),
        ("b", "ab", "from the start alone"),
        ("^(a|ab)c$", "abc", "the first alternative that matches stays"),
        ("^a*ab$", "aab", "a repetition takes all it can"),
    ],
)
def test_what_may_be_read_in_two_ways_does_not_match(pattern: str, text: str, why: str) -> None:
    assert not matcher(translated(pattern))(text), why


@pytest.mark.parametrize(
    "pattern",
    [
        "a*?", "a**", "(?P<n>a)", "(?i)a", "(?s:.)", "(?=a)", r"\bword", r"\pL", r"\x41", r"\Aa", r"\Qa", "[[:alpha:]]",
        r"[\pL]", "[a-f-k]", r"[\d-z]", "[^]a]", "[z-a]", "[z-a][bc]", r"[^\x00]", "é", "[é]", "a{,3}", "{", "a}", "(a",
        "a)", "*a", "^*", "a{2,1}", "(a|b)*", "((a))*", "((a*)b)+", "(a|aa){2}", "\n", "[a-[b]]", "a++", "(?i:a",
    ],
)  # fmt: skip
def test_what_is_not_surely_understood_is_refused(pattern: str) -> None:
    with pytest.raises(UnknownRuleError):
        matcher(translated(pattern))


@pytest.mark.parametrize(
    "pattern", ["(a*b)*c", "a*a*a*a*b", "(a*)?(a*)?(a*)?b", "(?:a?){30}a*b", "(a|ab)(a|ab)(a*|b)c"]
)
def test_a_text_that_almost_matches_is_read_about_once(pattern: str) -> None:
    match = matcher(translated(pattern))
    # With backtracking the slower ones would not end today.
    assert not match("a" * 4096)


ATOMS = st.sampled_from([
    "a", "b", "k", "S", "0", r"\.", r"\-", "/", " ", ".", "^", "$", r"\d", r"\w", r"\s", "[a-k]", "[^a]", "[^k-s]",
    r"[\w.-]", r"[^\d]", "[S.]", "-", "_",
])  # fmt: skip
REPEATS = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{1,2}", "{0,}"])
PATTERNS = st.recursive(
    st.builds("{}{}".format, ATOMS, REPEATS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map("|".join),
        st.builds("{}{}){}".format, st.sampled_from(["(", "(?:", "(?i:"]), inner, REPEATS),
    ),
    max_leaves=8,
)


@given(PATTERNS, st.text(LETTERS, max_size=6))
def test_what_matches_here_matches_in_re2(pattern: str, text: str) -> None:
    try:
        match = matcher(translated(pattern))
    except UnknownRuleError:
        return
    assume(match(text))
    try:
        found = re2_finds(pattern, text)
    except EvaluationError:
        # RE2 takes no such expression, so no rule has it.
        return
    assert found

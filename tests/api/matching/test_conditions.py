"""What match conditions mean, and what becomes of those that cannot be compiled or evaluated."""

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st

from actiond.actions.errors import MatchInvalidError
from actiond.actions.ports import MatchFacts
from actiond.api.matching.conditions import MAX_LENGTH, CelConditions
from tests.api.matching.shop import Item, Order, WithAny, order, with_any
from tests.support.servers.actiond import clean_environment

CONDITIONS = CelConditions()
ORDER = order(
    id="o-1",
    total="9007199254740993",
    units="18446744073709551615",
    weight=1.5,
    paid=True,
    raw="AAE=",
    state="OPEN",
    item=[{"sku": "a", "amount": 2}, {"sku": "b", "amount": 3}],
    tags=["new", "ä"],
    first={"item": [{"sku": "inner"}]},
    labels={"tenant": "north"},
    created="2030-01-31T12:00:00Z",
    took="1.5s",
    note="hi",
    extra={"k": [1, {"deep": None}]},
    value="text",
)


def facts(message: object = ORDER) -> MatchFacts:
    headers = {"x-tenant": ["north"], "x-many": ["1", "2"]}
    return MatchFacts("/shop.Orders/Create", headers, "u-1", "o-1", message)


def is_met(expression: str, message: object = ORDER) -> bool:
    CONDITIONS.check(expression)
    return CONDITIONS.compiled(expression).is_met(facts(message))


TRUE = [
    "method == '/shop.Orders/Create'",
    "method.startsWith('/shop.Orders/')",
    "user == 'u-1' && org == 'o-1'",
    "headers['x-tenant'][0] == 'north'",
    "'x-tenant' in headers && !('x-other' in headers)",
    "headers['x-many'].exists(v, v == '2')",
    "message.id == 'o-1'",
    "message.id.matches('^o-[0-9]+$')",
    "message.total == 9007199254740993",
    "message.units == 18446744073709551615u",
    "message.weight > 1.4",
    "message.paid",
    "message.raw == b'\\x00\\x01'",
    "message.state == 1",
    "size(message.item) == 2 && message.item[1].sku == 'b'",
    "message.item.exists(i, i.sku == 'a' && i.amount == 2)",
    "message.item.all(i, i.amount < 4)",
    "message.item.exists_one(i, i.amount > 2)",
    "'ä' in message.tags",
    "message.first.item[0].sku == 'inner'",
    "message.labels['tenant'] == 'north'",
    "message.labels.exists(key, key == 'tenant')",
    "message.created > timestamp('2030-01-31T11:59:59Z')",
    "message.created.getFullYear() == 2030",
    "message.created.getHours('Asia/Tokyo') == 21",
    "message.took == duration('1500ms')",
    "message.note == 'hi'",
    "message.total > 1000.5 && message.state == 1.0 && message.units > 1 && message.weight > 1",
    "message.id != 1",
    "message.extra.k[0] == 1.0",
    "message.extra.k[1].deep == null",
    "message.value == 'text'",
    "['n', 'x'].exists(p, message.tags[0].startsWith(p))",
    "dyn(message.id) != 1",
    "message.total > 5 ? message.paid : false",
]


@pytest.mark.parametrize("expression", TRUE)
def test_a_condition_is_met(expression: str, caplog: pytest.LogCaptureFixture) -> None:
    assert is_met(expression)
    assert not is_met(f"!({expression})")
    assert caplog.messages == []


UNSET = [
    "message.id == '' && message.total == 0 && message.units == 0u && message.weight == 0.0 && !message.paid",
    "message.raw == b'' && message.state == 0 && size(message.item) == 0 && size(message.labels) == 0",
    "!has(message.first) && message.first.sku == ''",
    "message.note == null",
    "!has(message.created) && message.created == timestamp(0)",
]


@pytest.mark.parametrize("expression", UNSET)
def test_a_field_that_is_not_set_has_its_default_value(expression: str, caplog: pytest.LogCaptureFixture) -> None:
    assert is_met(expression, Order())
    assert not is_met(expression)
    assert caplog.messages == []


def test_an_any_is_what_it_contains_if_that_is_known(caplog: pytest.LogCaptureFixture) -> None:
    assert is_met("message.detail.id == 'o-1'", with_any(ORDER))
    assert not is_met("message.detail.id == 'o-2'", with_any(ORDER))
    assert caplog.messages == []
    assert is_met("message.detail.id == 'o-2'", with_any(CreateTargetRequest()))  # not in the pool
    assert len(caplog.messages) == 1


OBJECT = Struct()
OBJECT.update({"id": "o-1", "total": 3, "first": {"sku": "a", "tags": ["x"]}, "paid": True, "gone": None})


@pytest.mark.parametrize(
    "expression",
    [
        "message.id == 'o-1' && message['id'] == 'o-1'",
        "message.total == 3 && message.total > 2",
        "message.first.sku == 'a' && message.first.tags.exists(t, t == 'x')",
        "has(message.first) && !has(message.second) && !('second' in message)",
        "message.paid && message.gone == null",
        "message.exists(key, key == 'total')",
    ],
)
def test_a_json_object_is_a_map(expression: str, caplog: pytest.LogCaptureFixture) -> None:
    assert is_met(expression, OBJECT)
    assert not is_met(f"!({expression})", OBJECT)
    assert caplog.messages == []


def test_messages_of_several_pools_are_looked_at_by_one_condition(caplog: pytest.LogCaptureFixture) -> None:
    condition = CONDITIONS.compiled("has(message.name) && message.name == 'x' || message.sku == 'y'")
    assert condition.is_met(facts(CreateTargetRequest(name="x")))
    assert not CONDITIONS.compiled("message.sku == 'y'").is_met(facts(Item(sku="x")))
    assert not CONDITIONS.compiled("message.name == 'y'").is_met(facts(CreateTargetRequest(name="x")))
    assert caplog.messages == []


FAIL = [
    "message.nope == 1",
    "message.id == message.nope",
    "headers['nope'][0] == 'x'",
    "message.item[7].sku == 'x'",
    "message.id > 1",
    "message.id",
    "1 / int(message.total - message.total) == 1",
    "message.first.first.first == 1",
    "message.extra.nope == 1",
    "message.exists(x, false)",
]


@pytest.mark.parametrize("expression", FAIL)
def test_a_condition_that_cannot_be_evaluated_counts_as_met_and_is_one_line_of_the_log(
    expression: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert is_met(expression)
    (line,) = caplog.messages
    assert line.startswith("match condition counts as met: /shop.Orders/Create: ")
    assert "\n" not in line


@pytest.mark.parametrize("expression", [*FAIL, "future(message)"])
def test_why_a_condition_counts_as_met_can_be_asked_without_a_line_of_the_log(
    expression: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert CONDITIONS.compiled(expression).fault(facts())
    assert CONDITIONS.compiled("message.id == 'x'").fault(facts()) == ""
    assert caplog.messages == []


def test_what_a_caller_sends_does_not_make_a_line_of_the_log_long(caplog: pytest.LogCaptureFixture) -> None:
    assert is_met("message.labels[message.id] == 'x'", Order(id="n\n" * 50_000))
    (line,) = caplog.messages
    assert len(line) < 600


def test_a_result_that_is_not_a_boolean_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    for expression in ("message.id", "message.item", "message.first", "message"):
        assert is_met(expression, order(id="confidential", item=[{"sku": "confidential"}]))
    assert len(caplog.messages) == 4
    assert "confidential" not in caplog.text


def test_more_iterations_than_are_allowed_count_as_met(caplog: pytest.LogCaptureFixture) -> None:
    assert is_met("!message.numbers.all(n, n == 1)", Order(numbers=[1] * 10_001))
    assert "budget" in caplog.text
    assert not is_met("!message.numbers.all(n, n == 1)", Order(numbers=[1] * 9_999))


INVALID = {
    "": (1, 1, "characters"),
    "x" * (MAX_LENGTH + 1): (1, 1, "characters"),
    "1 +": (1, 4, "Syntax error"),
    "method == 1": (1, 8, "no matching overload"),
    "true &&\n  nope": (2, 3, "undeclared reference to 'nope'"),
    "method": (1, 1, "string, not bool"),
    "message.item.map(i, i.sku) == ['a']": (1, 17, "map and filter"),
    "size(message.item.filter(i, i.amount > 1)) == 1": (1, 25, "map and filter"),
    "true\n&& [message.id].all(x, x == '')": (2, 4, "a macro runs over a field or a list of constants"),
    "(message.id + message.id).matches('x') && ['a' + 'b'].all(x, true)": (1, 43, "a macro runs over"),
    "message.id.matches(message.id)": (1, 19, "must be a constant"),
    r"message.id.matches('\\pL')": (1, 20, "regular expression"),
    "message.created.getHours(message.id) == 1": (1, 25, "time zone"),
    "google.protobuf.Int64Value{value: 1} == 1": (1, 1, "messages cannot be made"),
    "shop.Item{sku: 'a'}.sku == ''": (1, 1, "undeclared"),
    "message.state == shop.State.OPEN": (1, 28, "undeclared"),
    "message.id == '' || message.id.matches('(')": (1, 40, "missing )"),
    "(" * 60 + "true" + ")" * 60: (1, 1, "recursion"),
    "message.item.all(i, " + " && ".join(["i.amount != 1"] * 20) + ")": (1, 1, "operations"),
    "nope(message)": (1, 5, "undeclared reference to 'nope'"),
    "'\ud800' == ''": (1, 2, "UTF-8"),
}


@pytest.mark.parametrize(("expression", "expected"), INVALID.items(), ids=[each[:30] for each in INVALID])
def test_an_invalid_expression_is_refused_with_its_position(expression: str, expected: tuple[int, int, str]) -> None:
    with pytest.raises(MatchInvalidError) as raised:
        CONDITIONS.check(expression)
    line, column, reason = expected
    assert raised.value.line == line
    assert raised.value.column == column or reason == "operations"
    assert reason in raised.value.reason
    assert "\n" not in raised.value.reason


def test_a_stored_condition_that_does_not_compile_any_more_counts_as_met(caplog: pytest.LogCaptureFixture) -> None:
    assert CONDITIONS.compiled("future(message)").is_met(facts())
    assert "cannot be compiled" in caplog.text


def test_a_condition_is_compiled_once() -> None:
    assert CONDITIONS.compiled("message.id == 'once'") is CONDITIONS.compiled("message.id == 'once'")


def test_the_library_is_loaded_with_the_first_condition_alone() -> None:
    program = """
import json, sys
from actiond.api.matching.conditions import CelConditions
conditions = CelConditions()
before = "cel_expr_python" in sys.modules
conditions.compiled("true")
print(json.dumps([before, "cel_expr_python" in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", program], env=clean_environment(), capture_output=True, check=True)
    assert json.loads(done.stdout) == [False, True]


_TEXT = st.text(max_size=20)
_ITEMS: st.SearchStrategy[Message] = st.recursive(
    st.builds(Item, sku=_TEXT, amount=st.integers(-(2**31), 2**31 - 1)),
    lambda inner: st.builds(Item, sku=_TEXT, item=st.lists(inner, max_size=3), tags=st.lists(_TEXT, max_size=3)),
    max_leaves=5,
)
_ORDERS = st.builds(
    Order,
    id=_TEXT,
    total=st.integers(-(2**63), 2**63 - 1),
    units=st.integers(0, 2**64 - 1),
    weight=st.floats(),
    raw=st.binary(max_size=20),
    state=st.integers(-5, 5),
    item=st.lists(_ITEMS, max_size=4),
    labels=st.dictionaries(_TEXT, _TEXT, max_size=3),
)


@given(st.one_of(_ORDERS, _ORDERS.map(with_any), _ITEMS, st.none()), st.sampled_from([*TRUE, *UNSET, *FAIL]))
@settings(deadline=None)
def test_no_message_makes_an_evaluation_raise(message: Message | None, expression: str) -> None:
    assert CONDITIONS.compiled(expression).is_met(facts(message)) in (True, False)


_WORDS = st.sampled_from(
    [
        *("message", "headers", "user", ".item", ".id", ".all(", ".exists(", "i,", "i", "(", ")", "[", "]", "{", "}"),
        *("==", "&&", "||", "!", "+", "-", "?", ":", "1", "1.5", "'a'", "b'a'", "true", "null", ".matches('a')", "in"),
        *(".", ",", "\n", "😀", "\x00", "has(", "size(", "timestamp(", "type("),
    ]
)


@given(st.one_of(st.text(max_size=60), st.lists(_WORDS, max_size=14).map(" ".join)))
@settings(deadline=None, max_examples=300)
def test_no_text_makes_compiling_raise_anything_else(text: str) -> None:
    lines = text.split("\n")
    try:
        CONDITIONS.check(text)
    except MatchInvalidError as error:
        line, column = error.line, error.column
    else:
        line, column = 1, 1
    assert 1 <= line <= len(lines)
    assert 1 <= column <= len(lines[line - 1]) + 1
    assert CONDITIONS.compiled(text).is_met(facts(WithAny())) in (True, False)


def test_the_log_of_a_failure_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    is_met("message.nope")
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


_DOCUMENT = Path(__file__).parents[3] / "docs" / "executions.md"
DOCUMENTED = re.findall(r"^```cel\n(.*?)\n```$", _DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
MEETING = [
    order(total=1001),
    order(item=[{"sku": "a"}, {"sku": "voucher"}]),
    order(created="2030-01-31T12:00:00Z"),
]


@pytest.mark.parametrize(("expression", "message"), [*zip(DOCUMENTED, MEETING, strict=True)])
def test_a_documented_example_is_met_by_some_calls_alone(
    expression: str, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    assert is_met(expression, message)
    assert not is_met(expression, Order())
    assert caplog.messages == []

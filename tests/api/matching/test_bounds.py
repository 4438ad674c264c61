"""What an evaluation may take, whatever the expression and the message: hostile ones of both."""

import logging
import time

import pytest
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from actiond.actions.errors import MatchInvalidError
from actiond.actions.ports import MatchFacts
from actiond.api.matching.conditions import CelConditions
from actiond.api.matching.patterns import MAX_PATTERN, program_size
from tests.api.matching.shop import Item, Order, with_any

CONDITIONS = CelConditions()
MEGABYTE = 1_000_000
MAX_SECONDS = 0.05
"""The bound is 10 ms; the machine may be busy, and the first look at a message costs more."""

ITEMS = Order(item=[Item(sku=f"sku-{number}", amount=number) for number in range(60_000)])
SOME_ITEMS = Order(item=[Item(sku=f"sku-{number}") for number in range(900)], tags=["tag"] * 900)
EMPTY_ITEMS = Order(item=[Item()] * 500_000)
FEW_EMPTY_ITEMS = Order(item=[Item()] * 50_000)
TEXT = Order(id="a" * MEGABYTE, numbers=[1] * 9_000)
TWO_TEXTS = Order(id="a" * (MEGABYTE // 2), tags=["a" * (MEGABYTE // 4) + "b"])
NUMBERS = Order(numbers=[1] * MEGABYTE)
LABELS = Order(labels={f"key-{number}": "value" for number in range(50_000)})
STRUCT = Order()
STRUCT.extra.update({"k": [[]] * 100_000})
OBJECT = Struct()
OBJECT.update({"k": [[]] * 40_000, "text": "a" * (MEGABYTE // 10), "small": "x"})
KEYS = Struct()
KEYS.update({f"key-{number}": {} for number in range(10_000)})
ANY = with_any(Order(item=[Item()] * 40_000), numbers=[1] * 3_000)
WITHIN = Order(first=Item(item=[Item()] * 500_000))
NESTED = Order(item=[Item(item=[Item(sku="x")] * 100) for _ in range(90)], id="x")
LONG_ELEMENTS = Order(item=[Item(tags=["a"] * 5_000)] * 5)
HEADERS = {f"h-{number}": ["value" * 10] * 5 for number in range(200)}

HOSTILE: list[tuple[str, Message]] = [
    ("message.item.all(a, message.item.all(b, a == b))", ITEMS),
    ("message.item.all(a, message.item.all(b, message.item.all(c, a.sku + b.sku != c.sku)))", SOME_ITEMS),
    ("message.item.all(a, a.item.all(b, b.sku == message.id))", NESTED),
    ("message.item.all(a, message.item.all(b, a.tags == b.tags))", LONG_ELEMENTS),
    ("message.item.all(a, message.item.exists(b, true))", ITEMS),
    ("message.item.all(a, a.sku in message.tags || true)", SOME_ITEMS),
    ("message.item.all(a, a.sku.matches('^(s|k|u|-|[0-9])*$'))", SOME_ITEMS),
    ("message.item.all(a, !(a.sku in ['a', 'b', 'c']) && a.sku.startsWith('sku'))", ITEMS),
    ("message == message", EMPTY_ITEMS),
    ("size(message.first.item) == 3", WITHIN),
    ("size(message.item) == 3", Order(item=[WITHIN.first] * 2)),
    ("message.total == 3", WITHIN),
    ("message.item == message.item", EMPTY_ITEMS),
    ("message.item == message.item", FEW_EMPTY_ITEMS),
    ("message in message.item", FEW_EMPTY_ITEMS),
    ("[message, message, message] == [message, message, message]", ITEMS),
    ("message.numbers == message.numbers && message.numbers != message.numbers", NUMBERS),
    ("1 in message.numbers && !(2 in message.numbers)", NUMBERS),
    ("message.numbers.all(n, message.id.startsWith(message.id))", TEXT),
    ("message.numbers.all(n, message.id == 'x' || true)", TEXT),
    ("message.numbers.all(n, size(message.id) > n)", TEXT),
    ("message.numbers.all(n, message.id.contains('b') || true)", TEXT),
    ("message.numbers.all(n, message.id.matches('b') || true)", TEXT),
    ("message.numbers.all(n, n == 1 && n < 2 && n > 0 && n + 1 == 2 && n * 2 == 2 && n % 2 == 1)", TEXT),
    ("message.numbers.all(n, timestamp('2020-01-01T00:00:00Z').getHours('Asia/Tokyo') == 9)", TEXT),
    ("message.numbers.all(n, [n, n, n, n, n, n] != [n])", TEXT),
    ("message.id + message.id + message.id + message.id + message.id + message.id != message.id", TEXT),
    ("message.id.contains(message.tags[0])", TWO_TEXTS),
    (f"message.id.contains('{'a' * 1_900}b')", TEXT),
    ("message.id.matches('(a|b|c)*a(a|b|c){12}q')", TEXT),
    ("message.id.matches('((a{0,7}){0,7}){0,4}b')", TEXT),
    (f"message.id.matches('{'(.*)' * 60}b')", TEXT),
    ("bytes(message.id) == b'' && string(message.raw) == ''", TEXT),
    ("message.labels.all(k, message.labels[k] == 'value')", LABELS),
    ("message.labels.all(k, message.labels.exists(l, l != k))", LABELS),
    ("message.extra == message.extra", STRUCT),
    ("message.extra.k.all(k, message.extra.k.exists(l, l == k))", STRUCT),
    ("message.k == message.k", OBJECT),
    ("message.k.all(k, message.k.exists(l, l == k))", OBJECT),
    ("message.k.all(k, message.text == 'x' || true)", OBJECT),
    ("message.all(k, message[k] == {})", KEYS),
    ("message == message", KEYS),
    ("message.numbers.all(n, message.detail.id == '')", ANY),
    ("message.detail == message.detail", ANY),
    ("headers.all(k, headers.all(l, headers[l] == headers[k] || true))", Order()),
    ("headers.all(k, headers[k].all(v, v.matches('^[a-z]+$')))", Order()),
]


@pytest.mark.parametrize(("expression", "message"), HOSTILE, ids=[expression[:60] for expression, _ in HOSTILE])
def test_no_evaluation_holds_the_event_loop_up(
    expression: str, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    CONDITIONS.check(expression)
    condition = CONDITIONS.compiled(expression)
    facts = MatchFacts("/a.B/C", HEADERS, "", "", message)
    seconds = []
    for _ in range(3):
        begin = time.process_time()
        condition.is_met(facts)
        seconds.append(time.process_time() - begin)
    assert min(seconds) < MAX_SECONDS


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("message.id == 'x'", TEXT),
        ("message.id == 'x'", ITEMS),
        ("message.total == 1", ITEMS),
        ("message.item.exists(i, i.sku == 'x')", Order(item=ITEMS.item[:5_000])),
        ("message.item.exists(i, i.sku == message.id)", Order(item=ITEMS.item[:500], id="x")),
        ("message.item.exists(i, i.sku.matches('^x-[0-9]+$'))", Order(item=ITEMS.item[:300])),
        ("'x' in message.tags", Order(tags=["tag"] * 20_000)),
        ("message.id.matches('^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')", NUMBERS),
        ("has(message.detail) && message.detail.id == 'x'", with_any(Order(id="y", numbers=[1] * 10_000))),
        ("headers.exists(k, k == 'x')", ITEMS),
        ("message.small == 'y'", OBJECT),
        ("message.text == 'y'", OBJECT),
        ("has(message.nothing)", OBJECT),
    ],
)
def test_what_is_usual_is_evaluated_in_large_messages_too(
    expression: str, message: Message, caplog: pytest.LogCaptureFixture
) -> None:
    assert not CONDITIONS.compiled(expression).is_met(MatchFacts("/a.B/C", HEADERS, "", "", message))
    assert caplog.messages == []


def test_an_evaluation_that_may_take_too_long_counts_as_met_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    condition = CONDITIONS.compiled("!message.item.all(a, message.item.all(b, a == b)) && false")
    assert condition.is_met(MatchFacts("/a.B/C", {}, "", "", SOME_ITEMS))
    assert "may take too long for " in caplog.text


GROWING = [
    "dyn([1])" + ".map(x, [x, x])" * 20 + " == dyn([1])",
    "['a']" + ".map(x, x + x)" * 30 + " == ['a']",
    "message.numbers.filter(n, n > 0).size() > 1",
]


@pytest.mark.parametrize("expression", GROWING, ids=[each[:30] for each in GROWING])
def test_what_makes_values_grow_is_refused(expression: str) -> None:
    with pytest.raises(MatchInvalidError, match=r"map and filter|recursion"):
        CONDITIONS.check(expression)


@pytest.mark.parametrize(
    ("pattern", "at_least"),
    [
        ("abc", 3),
        ("a{50}", 50),
        ("(ab){10}", 20),
        ("((a{5}){5}){5}", 125),
        ("(a|[b-d]{3})+{4}", 12),
        ("[{(]{20}", 20),
        (r"\({30}", 30),
        ("[]a]{10}", 10),
        ("[[:alpha:]]{10}", 10),
        ("a{3,}", 4),
        ("a{,3}", 4),
        ("a))){9}", 9),
    ],
)
def test_the_size_of_a_program_counts_repetitions(pattern: str, at_least: int) -> None:
    assert at_least <= program_size(pattern) <= 100 * at_least + 100


@pytest.mark.parametrize(
    "pattern", ["((a{99}){99})", r"\pL", r"[\pL]", r"\Qa", r"\C", "[a", "a" * (MAX_PATTERN + 1), "(.{300}){4}"]
)
def test_a_pattern_whose_program_may_be_large_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="regular expression"):
        program_size(pattern)

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.transcoding.fields import MAX_DEPTH, bind_path, bind_query, proto_path, resolve
from rpcfront.transcoding.json.codec import JsonCodec
from tests.support.services.fixture_protos import fixture_pool, message_class

ROWS = json.loads((Path(__file__).parent / "cases" / "query_params.json").read_text())
CODEC = JsonCodec()


def request(**fields: Any) -> Message:
    message: Message = message_class("t.v1.Req")(**fields)
    return message


def descriptor() -> Descriptor:
    found: Descriptor = fixture_pool().FindMessageTypeByName("t.v1.Req")
    return found


def as_json(message: Message) -> Any:
    return json_format.MessageToDict(message, descriptor_pool=fixture_pool())


def faults(message: Message, query: str, **options: Any) -> dict[str, str]:
    """What is wrong with a query, by field."""
    violations = bind_query(message, query, CODEC, **options)
    assert len({violation.field for violation in violations}) == len(violations)
    return {violation.field: violation.description for violation in violations}


# Names


@pytest.mark.parametrize(
    ("dotted", "path"),
    [
        ("id", "id"),
        ("page_size", "page_size"),
        ("pageSize", "page_size"),
        ("weird", "weird"),
        ("customName", "weird"),
        ("sub.sub.tags", "sub.sub.tags"),
        ("sub", "sub"),
        ("subs", "subs"),
        ("m", "m"),
        ("ts", "ts"),
        (".".join(["sub"] * MAX_DEPTH), ".".join(["sub"] * MAX_DEPTH)),
    ],
)
def test_a_field_is_found_by_either_of_its_names(dotted: str, path: str) -> None:
    found = resolve(descriptor(), dotted)
    assert found is not None
    assert proto_path(found) == path


@pytest.mark.parametrize(
    "dotted",
    [
        "",
        ".",
        "ID",
        "id.",
        ".id",
        "sub..s",
        "sub.nothing",
        "custom_name",
        "i32.x",
        "subs.s",
        "m.key",
        "m.value",
        "ts.seconds",
        "sv.value",
        "mask.paths",
        "st.fields",
        "val.stringValue",
        "any.typeUrl",
        ".".join(["sub"] * (MAX_DEPTH + 1)),
    ],
)
def test_what_names_no_field_is_not_found(dotted: str) -> None:
    assert resolve(descriptor(), dotted) is None


# The path


def test_a_path_sets_fields_of_every_textual_type() -> None:
    message = request()
    bindings = [
        (("i32",), "5"),
        (("color",), "RED"),
        (("sub", "s"), "a b"),
        (("ts",), "2020-01-02T03:04:05Z"),
        (("sv",), "x"),
    ]
    assert bind_path(message, bindings, CODEC) == []
    assert as_json(message) == {
        "i32": 5,
        "color": "RED",
        "sub": {"s": "a b"},
        "ts": "2020-01-02T03:04:05Z",
        "sv": "x",
    }


def test_every_wrong_value_of_a_path_is_named() -> None:
    violations = bind_path(request(), [(("i32",), "x"), (("id",), "y"), (("ts",), "z")], CODEC)
    assert [violation.field for violation in violations] == ["i32", "ts"]


def test_a_binding_that_names_no_field_is_a_fault_of_the_program() -> None:
    with pytest.raises(LookupError, match=r"t\.v1\.Req has no field sub\.nothing"):
        bind_path(request(), [(("sub", "nothing"), "x")], CODEC)


@pytest.mark.parametrize(
    ("body", "names", "text"),
    [
        ({"id": "a"}, ("id",), "b"),
        ({"i32": 1}, ("i32",), "0"),
        ({"opt": ""}, ("opt",), "b"),
        ({"sv": {}}, ("sv",), "b"),
        ({"sub": {"s": "a"}}, ("sub", "s"), "b"),
        ({"ts": {"seconds": 1}}, ("ts",), "1970-01-01T00:00:02Z"),
    ],
)
def test_the_body_must_not_give_a_field_of_the_path_another_value(
    body: dict[str, Any], names: tuple[str, ...], text: str
) -> None:
    violations = bind_path(request(**body), [(names, text)], CODEC)
    assert [(violation.field, violation.description) for violation in violations] == [
        (".".join(names), "must not be given twice with different values")
    ]


@pytest.mark.parametrize(
    ("body", "names", "text"),
    [
        ({"id": "a"}, ("id",), "a"),
        ({"i32": 10}, ("i32",), "1e1"),
        ({"opt": ""}, ("opt",), ""),
        ({"sub": {"s": "a"}}, ("sub", "s"), "a"),
        ({"ts": {"seconds": 1}}, ("ts",), "1970-01-01T00:00:01.000Z"),
    ],
)
def test_the_body_may_give_a_field_of_the_path_the_same_value(
    body: dict[str, Any], names: tuple[str, ...], text: str
) -> None:
    message = request(**body)
    assert bind_path(message, [(names, text)], CODEC) == []
    assert message == request(**body)


def test_the_rest_of_a_message_in_the_body_stays() -> None:
    message = request(sub={"i": 2})
    assert bind_path(message, [(("sub", "s"), "1")], CODEC) == []
    assert as_json(message) == {"sub": {"s": "1", "i": 2}}


def test_the_path_must_not_set_another_member_of_a_oneof_than_the_body() -> None:
    message = request(ob="from the body")
    violations = bind_path(message, [(("oa",), "x")], CODEC)
    assert [(violation.field, violation.description) for violation in violations] == [
        ("oa", "must not be given together with ob")
    ]
    assert as_json(message) == {"ob": "from the body"}


# The query


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_query_is_read_as_the_worked_examples_say(row: dict[str, Any]) -> None:
    message = message_class(row["message"])()
    violations = bind_query(message, row["query"], CODEC)
    if "json" in row["expect"]:
        assert violations == []
        assert as_json(message) == row["expect"]["json"]
    else:
        assert row["expect"]["http_status"] == 400
        assert violations


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("&&", {}),
        ("&id=a&", {"id": "a"}),
        ("id=", {}),
        ("opt=", {"opt": ""}),
        ("opt", {"opt": ""}),
        ("b=true&bv=false", {"b": True, "bv": False}),
        ("color=1&rc=RED&rc=2", {"color": "RED", "rc": ["RED", "BLUE"]}),
        ("ri=1&id=x&ri=2", {"ri": [1, 2], "id": "x"}),
        ("sub.sub.s=a&sub.s=b&sub.sub.i=3", {"sub": {"s": "b", "sub": {"s": "a", "i": 3}}}),
        ("sub.s=", {"sub": {}}),
        ("page%5Fsize=5", {"pageSize": 5}),
        ("customName=1", {"customName": "1"}),
        ("id=%2B+%26%3D%2525", {"id": "+ &=%25"}),
        ("id=a;b", {"id": "a;b"}),
        ("id=é", {"id": "é"}),
        ("mask=a,sub.tags", {"mask": "a,sub.tags"}),
    ],
)
def test_a_query_sets_fields(query: str, expected: dict[str, Any]) -> None:
    message = request()
    assert faults(message, query) == {}
    assert as_json(message) == expected


@pytest.mark.parametrize(
    ("query", "field", "fault"),
    [
        ("nothing=1", "nothing", "is not a field of the request"),
        ("=1", "", "is not a field of the request"),
        ("sub.nothing=1", "sub.nothing", "is not a field of the request"),
        ("no+thing%21=1", "no thing!", "is not a field of the request"),
        ("id=a&id=a", "id", "must not be given more than once"),
        ("pageSize=1&page_size=1", "page_size", "must not be given more than once"),
        ("sub.s=a&sub.s=b", "sub.s", "must not be given more than once"),
        ("oa=1&oa", "oa", "must not be given more than once"),
        ("oa=1&ob=2", "ob", "must not be given together with oa"),
        ("ob=2&oa=1", "oa", "must not be given together with ob"),
        ("id=%", "id", "must not hold a '%' without two hexadecimal digits"),
        ("pageSize=%zz", "page_size", "must not hold a '%' without two hexadecimal digits"),
        ("id=%FF", "id", "must be UTF-8"),
        ("id=\udcff", "id", "must be UTF-8"),
        ("i%d=1", "i%d", "must not hold a '%' without two hexadecimal digits"),
        ("i%ff=1", "i%ff", "must be UTF-8"),
        ("\udcff=1", "?", "must be UTF-8"),
    ],
)
def test_a_faulty_parameter_is_named(query: str, field: str, fault: str) -> None:
    assert faults(request(), query) == {field: fault}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("sub=%7B%7D", "sub"),
        ("subs=%7B%7D", "subs"),
        ("m=%7B%7D", "m"),
        ("st=%7B%7D", "st"),
        ("val=1", "val"),
        ("any=%7B%7D", "any"),
        ("i32=", "i32"),
        ("b=1", "b"),
        ("b=", "b"),
        ("ts=null", "ts"),
        ("dur=1", "dur"),
        ("ri=1&ri=x", "ri[1]"),
        ("sub.i=x", "sub.i"),
    ],
)
def test_a_value_that_its_field_cannot_take_is_named_by_the_proto_path(query: str, field: str) -> None:
    assert list(faults(request(), query)) == [field]


def test_every_fault_of_a_query_is_named() -> None:
    query = "nothing=1&i32=x&id=%&page_size=1&pageSize=2&ri=x&ri=1&ri=y&oa=1&ob=2&rs=fine"
    assert set(faults(request(), query)) == {"nothing", "i32", "id", "page_size", "ri[0]", "ri[2]", "ob"}


def test_a_field_of_the_path_may_be_given_again_with_the_same_value() -> None:
    message = request()
    assert bind_path(message, [(("i32",), "0"), (("sub", "s"), "a"), (("page_size",), "5")], CODEC) == []
    bound = frozenset({"i32", "sub.s", "page_size"})
    assert faults(message, "i32=0&sub.s=a&pageSize=5&sub.i=1", bound=bound) == {}
    assert as_json(message) == {"sub": {"s": "a", "i": 1}, "pageSize": 5}


def test_a_field_of_the_path_must_not_be_given_again_with_another_value() -> None:
    message = request()
    assert bind_path(message, [(("i32",), "0"), (("oa",), "a")], CODEC) == []
    assert faults(message, "i32=1&oa=b", bound=frozenset({"i32", "oa"})) == {
        "i32": "must not be given twice with different values",
        "oa": "must not be given twice with different values",
    }
    assert as_json(message) == {"oa": "a"}


def test_a_wrong_value_for_a_field_of_the_path_is_wrong() -> None:
    message = request(i32=1)
    assert list(faults(message, "i32=x", bound=frozenset({"i32"}))) == ["i32"]


def test_the_query_must_not_set_another_member_of_a_oneof_than_the_path() -> None:
    message = request(oa="a")
    assert faults(message, "ob=b", bound=frozenset({"oa"})) == {"ob": "must not be given together with oa"}


def test_beside_a_body_field_the_query_gives_the_rest() -> None:
    message = request(sub={"s": "from the body"})
    assert faults(message, "id=a&sub.i=1&sub=x", body="sub") == {
        "sub.i": "must not be a query parameter: it is in the body",
        "sub": "must not be a query parameter: it is in the body",
    }
    assert as_json(message) == {"id": "a", "sub": {"s": "from the body"}}


def test_beside_a_body_that_is_the_message_no_parameter_is_taken() -> None:
    message = request(id="from the body")
    fault = "must not be a query parameter: the whole request is in the body"
    assert faults(message, "id=a&nothing=1", body="*") == {"id": fault, "nothing": fault}
    assert as_json(message) == {"id": "from the body"}


# Properties

NAMES = st.sampled_from(
    [
        "id",
        "i32",
        "rs",
        "ri",
        "sub",
        "sub.s",
        "sub.sub.i",
        "m",
        "ts",
        "oa",
        "ob",
        "opt",
        "pageSize",
        "page_size",
        "x",
        "",
    ]
)
TEXTS = st.one_of(st.text(alphabet="a1%2F+-=.é\udcff", max_size=6), st.sampled_from(["1", "", "2020-01-02T03:04:05Z"]))


@given(st.lists(st.one_of(TEXTS, st.tuples(NAMES, TEXTS).map("=".join)), max_size=6).map("&".join))
def test_any_query_binds_or_names_its_faults_and_leaves_a_message_that_can_be_sent(query: str) -> None:
    message = request()
    violations = bind_query(message, query, CODEC)
    assert all(violation.field.encode() == violation.field.encode(errors="replace") for violation in violations)
    assert type(message).FromString(message.SerializeToString()) == message


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "id": st.text(min_size=1, max_size=8),
            "i32": st.integers(-(2**31), 2**31 - 1).filter(bool),
            "rs": st.lists(st.text(max_size=4), min_size=1, max_size=3),
            "sub.tags": st.lists(st.text(max_size=4), min_size=1, max_size=3),
            "ri": st.lists(st.integers(0, 9), min_size=1, max_size=3),
        },
    )
)
def test_what_a_form_encoder_writes_is_read_back(values: dict[str, Any]) -> None:
    message: Any = request()
    assert bind_query(message, urlencode(values, doseq=True), CODEC) == []
    given_back = {
        "id": message.id,
        "i32": message.i32,
        "rs": list(message.rs),
        "sub.tags": list(message.sub.tags),
        "ri": list(message.ri),
    }
    assert {name: value for name, value in given_back.items() if value} == values

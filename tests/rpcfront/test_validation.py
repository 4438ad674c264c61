"""The rules as the dispatcher asks for them: what is plainly right is not given to protovalidate, all else is."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha import action_service_pb2 as api
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from rpcfront import ServiceError
from rpcfront.status import FieldViolation
from rpcfront.validation.engine import Engine
from rpcfront.validation.fast_path.messages import Predicates
from rpcfront.validation.validator import Validator
from tests.rpcfront.ruled import PROTO3, ruled_pool

CREATE = api.CreateTargetRequest(
    name="a target", rest_webhook={}, timeout=Duration(seconds=10), endpoint="https://example.com/hook"
)
CONDITION = {"request": {"method": "/a.B/C"}}
REQUESTS = [
    CREATE,
    api.UpdateTargetRequest(target_id="1"),
    api.UpdateTargetRequest(target_id="1", name="n", timeout=Duration(nanos=1), endpoint="http://a:8080/?b=c"),
    api.GetTargetByIDRequest(target_id="1"),
    api.DeleteTargetRequest(target_id="1"),
    api.ListTargetsRequest(
        sorting_column="FIELD_NAME_NAME", queries=[{"target_name_query": {"target_name": "a", "method": 4}}]
    ),
    api.SetExecutionRequest(condition=CONDITION, targets=[{"target": "1"}, {"include": {"function": {"name": "f"}}}]),
    api.DeleteExecutionRequest(condition={"event": {"all": True}}),
    api.ListExecutionsRequest(queries=[{"in_conditions_query": {"conditions": [CONDITION]}}]),
    api.ListExecutionFunctionsRequest(),
]
ENDPOINT = st.text("abZ09.:/?#@[]%-_~!$ é\n", max_size=12)
PORTS = st.integers(0, 70_000).map(":{}".format)


class AskedError(AssertionError):
    """protovalidate was asked."""


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> Validator:
    """Rules of every request, which know nothing but the acceptors."""
    rules = Validator({type(request) for request in REQUESTS})

    def refuse(_engine: Engine, _message: Message) -> Any:
        raise AskedError

    monkeypatch.setattr(Engine, "violations", refuse)
    return rules


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: f"{type(request).__name__} {request}"[:60])
def test_a_plain_request_is_found_right_without_protovalidate(request_: Message, unasked: Validator) -> None:
    assert not unasked.violations(request_)


def test_a_wrong_request_is_given_to_protovalidate(unasked: Validator) -> None:
    with pytest.raises(AskedError):
        unasked.violations(api.CreateTargetRequest())


@given(
    st.sampled_from(["https://example.com", "HTTP://a", "http://u@h_", "ftp://a", "http:", ""]),
    PORTS | st.just(""),
    ENDPOINT,
)
def test_an_endpoint_is_right_or_wrong_as_protovalidate_alone_has_it(start: str, port: str, rest: str) -> None:
    request = api.CreateTargetRequest()
    request.CopyFrom(CREATE)
    request.endpoint = start + port + rest
    both, alone = _rules()
    assert list(both.violations(request)) == list(alone.violations(request))


@cache
def _rules() -> tuple[Validator, Validator]:
    """With acceptors, and without."""
    return Validator([api.CreateTargetRequest]), Validator()


def rules_and_message(pool: DescriptorPool, **fields: Any) -> Sequence[FieldViolation]:
    request_class = GetMessageClass(pool.FindMessageTypeByName("p.M"))
    return Validator([request_class]).violations(request_class(**fields))


def test_a_rule_that_cannot_be_compiled_is_refused_at_the_start_however_deep_it_stands() -> None:
    pool = ruled_pool(
        f"{PROTO3} message M {{ repeated Inner inner = 1; }}"
        "message Inner { string s = 1 [(buf.validate.field).int32.gt = 1]; }"
    )
    with pytest.raises(ServiceError, match=r"p\.Inner: .*int32"):
        rules_and_message(pool)


def test_a_rule_that_somebody_else_defined_is_protovalidates() -> None:
    pool = ruled_pool(
        """
        syntax = "proto2"; package p; import "buf/validate/validate.proto";
        extend buf.validate.StringRules {
          optional bool shy = 1234 [(buf.validate.predefined).cel = {id: "shy" message: "no" expression: "this == ''"}];
        }
        message M { optional string s = 1 [(buf.validate.field).string = {min_len: 1 [p.shy]: true}]; }
        """
    )
    assert [violation.description for violation in rules_and_message(pool, s="a")] == ["no"]
    assert not rules_and_message(pool)


def test_a_rule_that_somebody_else_defined_may_have_the_name_of_another() -> None:
    pool = ruled_pool(
        """
        syntax = "proto2"; package q; import "buf/validate/validate.proto";
        extend buf.validate.StringRules {
          optional uint64 min_len = 1235 [(buf.validate.predefined).cel = {id: "q" message: "no" expression: "false"}];
        }
        message M { optional string s = 1 [(buf.validate.field).string.(q.min_len) = 1]; }
        """
    )
    # As if its module were imported.
    file = descriptor_pb2.FileDescriptorProto()
    pool.FindFileByName("ruled.proto").CopyToProto(file)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
    request_class = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName("q.M"))
    violations = Validator([request_class]).violations(request_class(s="a"))
    assert [violation.description for violation in violations] == ["no"]


@pytest.mark.parametrize(
    "source",
    [
        'syntax = "proto2"; message M { optional string s = 1 RULE; }',
        'syntax = "proto2"; message M { optional string s = 1 [default = "", RULES]; }',
        'edition = "2023"; message M { string s = 1 RULE; }',
    ],
)
def test_presence_is_that_of_the_syntax(source: str) -> None:
    head, _, message = source.partition(";")
    rules = "(buf.validate.field).string.min_len = 2"
    message = message.replace("RULES", rules).replace("RULE", f"[{rules}]")
    pool = ruled_pool(f'{head}; package p; import "buf/validate/validate.proto"; {message}')
    assert not rules_and_message(pool)
    assert not rules_and_message(pool, s="ab")
    assert [violation.field for violation in rules_and_message(pool, s="")] == ["s"]


def _pool_without_buf_validate(options: bytes) -> DescriptorPool:
    """A type whose field has options that its pool does not know."""
    file = descriptor_pb2.FileDescriptorProto(name="bare.proto", package="p", syntax="proto3")
    field = file.message_type.add(name="M").field.add(name="s", number=1, type="TYPE_STRING", label="LABEL_OPTIONAL")
    field.options.MergeFromString(options)
    pool = DescriptorPool()
    pool.Add(file)
    return pool


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (b"\x72\x02\x10\x02", "ab"),  # string { min_len: 2 }
        (b"\x72\x02\x10\x02\xf8\x7f\x01", "ab"),  # the same and 2047: 1, which nobody knows
    ],
)
def test_rules_that_a_pool_does_not_know_hold_as_with_protovalidate_alone(rules: bytes, text: str) -> None:
    options = b"\xba\x48" + bytes([len(rules)]) + rules
    request_class = GetMessageClass(_pool_without_buf_validate(options).FindMessageTypeByName("p.M"))
    both, alone = Validator([request_class]), Validator()
    for sent in (request_class(), request_class(s=text)):
        assert list(both.violations(sent)) == list(alone.violations(sent))


def test_a_type_with_a_rule_that_nobody_knows_has_no_acceptor() -> None:
    pool = _pool_without_buf_validate(b"\xba\x48\x03\xf8\x7f\x01")
    assert Predicates().of(pool.FindMessageTypeByName("p.M")) is None

"""The syntax tree of a compiled expression: cel.expr.CheckedExpr, as far as costs.py looks at it.

The fields are those of https://github.com/google/cel-spec/tree/master/proto/cel/expr (checked.proto, syntax.proto). No
package that actiond needs has them as Python code.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

Node = Any
"""A message `Expr` of the table below."""

_PACKAGE = "cel.expr"
# Message: its fields, each with name, number, and type; * is for a repeated field, ? for one of the oneof.
_MESSAGES: Mapping[str, Sequence[tuple[str, int, str]]] = {
    "CheckedExpr": (("expr", 4, "Expr"), ("source_info", 5, "SourceInfo")),
    "SourceInfo": (("positions", 4, "*Position"),),
    "Position": (("key", 1, "int64"), ("value", 2, "int32")),
    "Expr": (
        ("id", 2, "int64"),
        ("const_expr", 3, "?Constant"),
        ("ident_expr", 4, "?Ident"),
        ("select_expr", 5, "?Select"),
        ("call_expr", 6, "?Call"),
        ("list_expr", 7, "?CreateList"),
        ("struct_expr", 8, "?CreateStruct"),
        ("comprehension_expr", 9, "?Comprehension"),
    ),
    "Constant": (("string_value", 6, "?string"),),
    "Ident": (("name", 1, "string"),),
    "Select": (("operand", 1, "Expr"), ("field", 2, "string"), ("test_only", 3, "bool")),
    "Call": (("target", 1, "Expr"), ("function", 2, "string"), ("args", 3, "*Expr")),
    "CreateList": (("elements", 1, "*Expr"),),
    "CreateStruct": (("message_name", 1, "string"), ("entries", 2, "*Entry")),
    "Entry": (("map_key", 3, "Expr"), ("value", 4, "Expr")),
    "Comprehension": (
        ("iter_var", 1, "string"),
        ("iter_range", 2, "Expr"),
        ("accu_var", 3, "string"),
        ("accu_init", 4, "Expr"),
        ("loop_condition", 5, "Expr"),
        ("loop_step", 6, "Expr"),
        ("result", 7, "Expr"),
        ("iter_var2", 8, "string"),
    ),
}
_SCALARS = {
    "int64": FieldDescriptorProto.TYPE_INT64,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "string": FieldDescriptorProto.TYPE_STRING,
    "bool": FieldDescriptorProto.TYPE_BOOL,
}


def parse(serialized: bytes) -> tuple[Node, Mapping[int, int]]:
    """Return the root of a serialized expression, and the offset of each node in characters, by its id.

    Raises google.protobuf.message.DecodeError if the bytes are not a CheckedExpr in an Any.
    """
    checked = _checked_type().FromString(AnyMessage.FromString(serialized).value)
    return checked.expr, {position.key: position.value for position in checked.source_info.positions}


def kind(node: Node) -> str:
    """Return the name of the node's field of the oneof, such as `call_expr`; empty if it is of another kind."""
    return node.WhichOneof("kind") or ""


def operands(call: Any) -> Iterator[Node]:
    """Yield what a call is applied to: the receiver, if it has one, and the arguments."""
    if call.HasField("target"):
        yield call.target
    yield from call.args


@lru_cache(maxsize=1)
def _checked_type() -> Any:
    file = FileDescriptorProto(name="actiond/cel_expr.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, described in fields:
            type_name = described.lstrip("*?")
            field = message.field.add(name=field_name, number=number)
            field.label = field.LABEL_REPEATED if described[0] == "*" else field.LABEL_OPTIONAL
            if type_name in _SCALARS:
                field.type = _SCALARS[type_name]
            else:
                field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{type_name}"
            if described[0] == "?":
                field.oneof_index = 0
        if any(described[0] == "?" for _, _, described in fields):
            message.oneof_decl.add(name="kind")
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.CheckedExpr"))

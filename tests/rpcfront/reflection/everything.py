"""A proto that defines every kind of thing that a file can define."""

from typing import Any

from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import ServiceDescriptor

from tests.support.protos import compile_proto

PROTO = """
syntax = "proto2";
package every.kind;
import "google/protobuf/descriptor.proto";
import "google/protobuf/timestamp.proto";

service Service { rpc Method(Message) returns (Message.Nested); rpc Stream(stream Message) returns (stream Message); }

message Message {
  optional string some_field = 1;
  oneof choice { string left = 2; google.protobuf.Timestamp right = 3; }
  map<string, string> entries = 4;
  optional group Group = 5 { optional int32 inside = 1; }
  message Nested {
    enum Deep { DEEP_ZERO = 0; }
    message Deeper { optional Deep deep_field = 1; }
    extend Message { optional string deep_extension = 103; }
  }
  enum Inner { INNER_ZERO = 0; INNER_ALIAS = 0; option allow_alias = true; }
  extensions 100 to max;
  extend google.protobuf.FieldOptions { optional string nested_extension = 50001; }
}

enum Outer { OUTER_ZERO = 0; OUTER_ONE = 1; }

extend Message { optional int32 top_extension = 100; repeated Message message_extension = 101; }
extend google.protobuf.FieldOptions { optional string field_option = 50002; }
"""

SYMBOLS = {
    "service": "Service",
    "method": "Service.Method",
    "method with streams": "Service.Stream",
    "message": "Message",
    "field": "Message.some_field",
    "oneof": "Message.choice",
    "field of a oneof": "Message.left",
    "map field": "Message.entries",
    "entry of a map": "Message.EntriesEntry",
    "field of a map's entry": "Message.EntriesEntry.value",
    "group": "Message.Group",
    "field of a group": "Message.Group.inside",
    "nested message": "Message.Nested",
    "message in a nested message": "Message.Nested.Deeper",
    "field of such a message": "Message.Nested.Deeper.deep_field",
    "enum in a nested message": "Message.Nested.Deep",
    "value of such an enum": "Message.Nested.DEEP_ZERO",
    "nested enum": "Message.Inner",
    "value of a nested enum": "Message.INNER_ZERO",
    "alias of a value": "Message.INNER_ALIAS",
    "enum": "Outer",
    "value of an enum": "OUTER_ONE",
    "value of an enum by the name that grpcurl shows": "Outer.OUTER_ONE",
    "extension": "top_extension",
    "repeated extension": "message_extension",
    "extension of another file's message": "field_option",
    "extension in a message": "Message.nested_extension",
    "extension in a nested message": "Message.Nested.deep_extension",
}
"""The kinds of names, with one of each in PROTO, without its package."""

FILE = "every_kind.proto"

_pool = compile_proto(PROTO, FILE)
SERVICE: ServiceDescriptor = _pool.FindServiceByName("every.kind.Service")


def parsed(files: Any) -> list[descriptor_pb2.FileDescriptorProto]:
    """The files of an answer."""
    return [descriptor_pb2.FileDescriptorProto.FromString(file) for file in files]

"""The index finds a file by every name that the file defines."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_database import DescriptorDatabase
from google.protobuf.descriptor_pool import DescriptorPool
from hypothesis import given
from hypothesis import strategies as st

from rpcfront.reflection.index import Index
from tests.rpcfront.reflection.everything import FILE, SERVICE, SYMBOLS, parsed
from tests.support.protos import compile_proto

INDEX = Index([SERVICE.file])


@pytest.mark.parametrize("kind", SYMBOLS)
def test_a_symbol_of_every_kind_is_found(kind: str) -> None:
    found = INDEX.by_symbol(f"every.kind.{SYMBOLS[kind]}")
    assert found is not None
    assert [file.name for file in parsed(found)] == [
        FILE,
        "google/protobuf/descriptor.proto",
        "google/protobuf/timestamp.proto",
    ]


@pytest.mark.parametrize(
    "symbol",
    [
        *("", ".", "every", "every.kind", "Message", "every.kind.Nothing", "every.kind.Service.Nothing"),
        *("every.kind.INNER_ZERO", "every.kind.Message.OUTER_ONE", "every.kind.Outer.INNER_ZERO"),
        *("every.kind.message", "every.kind.Message.", ".every.kind.Message", FILE),
    ],
)
def test_what_no_file_defines_is_not_found(symbol: str) -> None:
    assert INDEX.by_symbol(symbol) is None


def test_imports_of_imports_are_found_and_described_after_the_file() -> None:
    found = INDEX.by_symbol("google.protobuf.FieldDescriptorProto.Type")
    assert found is not None
    assert [file.name for file in parsed(found)] == ["google/protobuf/descriptor.proto"]


@pytest.mark.parametrize(
    ("message", "numbers"),
    [
        ("every.kind.Message", [100, 101, 103]),
        ("google.protobuf.FieldOptions", [50001, 50002]),
        ("every.kind.Message.Nested", []),
        ("every.kind.Message.EntriesEntry", []),
        ("every.kind.Outer", None),
        ("every.kind.Service", None),
        ("", None),
    ],
)
def test_the_extensions_of_a_message_are_known_by_their_numbers(message: str, numbers: list[int] | None) -> None:
    assert INDEX.extension_numbers(message) == numbers
    for number in numbers or ():
        found = INDEX.by_extension(message, number)
        assert found is not None
        assert parsed(found)[0].name == FILE
    assert INDEX.by_extension(message, 102) is None


def test_a_file_that_two_files_import_is_described_once() -> None:
    index = Index(
        [
            SERVICE.file,
            compile_proto('syntax = "proto3"; message Other {}', "other.proto").FindFileByName("other.proto"),
        ]
    )
    names = [file.name for file in parsed(index.by_filename(FILE))]
    assert sorted(names) == sorted(set(names))
    assert index.by_filename("other.proto") is not None


def test_two_different_files_of_one_name_are_refused() -> None:
    one, other = (
        compile_proto(f'syntax = "proto3"; message {name} {{}}', "same.proto").FindFileByName("same.proto")
        for name in ("One", "Other")
    )
    Index([one, one])
    with pytest.raises(ValueError, match=r"two files called same\.proto"):
        Index([one, other])


def test_fields_and_extensions_have_the_json_names_of_protoc() -> None:
    proto = parsed(INDEX.by_filename(FILE))[0]
    message = proto.message_type[0]
    assert message.field[0].json_name == "someField"
    assert message.nested_type[0].name == "EntriesEntry"
    assert proto.extension[0].json_name == "topExtension"
    assert message.extension[0].json_name == "nestedExtension"


def test_the_files_of_a_service_of_python_code_are_complete() -> None:
    file = action_service_pb2.DESCRIPTOR
    index = Index([file])
    for name in _names(file):
        assert _can_be_built(index.by_symbol(name), name)


@st.composite
def enums(draw: st.DrawFn, names: Iterator[str]) -> descriptor_pb2.EnumDescriptorProto:
    values = [
        descriptor_pb2.EnumValueDescriptorProto(name=next(names), number=n) for n in range(draw(st.integers(1, 3)))
    ]
    return descriptor_pb2.EnumDescriptorProto(name=next(names), value=values)


@st.composite
def messages(draw: st.DrawFn, names: Iterator[str], depth: int = 0) -> descriptor_pb2.DescriptorProto:
    message = descriptor_pb2.DescriptorProto(name=next(names))
    for _ in range(draw(st.integers(0, 2))):
        message.oneof_decl.add(name=next(names))
    for number in range(1, 1 + draw(st.integers(len(message.oneof_decl), 4))):
        field = message.field.add(name=next(names), number=number, type=9, label=1)
        if number <= len(message.oneof_decl):
            field.oneof_index = number - 1
    message.enum_type.extend(draw(st.lists(enums(names), max_size=2)))
    if depth < 3:
        message.nested_type.extend(draw(st.lists(messages(names, depth + 1), max_size=2)))
    return message


@st.composite
def files(draw: st.DrawFn) -> FileDescriptor:
    """A file with things in things; every name in it is another."""
    names = (f"n{number}" for number in range(10_000))
    package = draw(st.sampled_from(["", "p", "p.q.r"]))
    file = descriptor_pb2.FileDescriptorProto(name="drawn.proto", package=package, syntax="proto2")
    file.message_type.extend(draw(st.lists(messages(names), min_size=1, max_size=3)))
    file.enum_type.extend(draw(st.lists(enums(names), max_size=2)))
    extended = f".{package}.{file.message_type[0].name}".replace("..", ".")
    file.message_type[0].extension_range.add(start=100, end=1000)
    scopes: list[Any] = [file, *file.message_type]
    for number in range(100, 100 + draw(st.integers(0, 3))):
        scope = draw(st.sampled_from(scopes))
        scope.extension.add(name=next(names), number=number, type=9, label=1, extendee=extended)
    for _ in range(draw(st.integers(0, 2))):
        service = file.service.add(name=next(names))
        for _ in range(draw(st.integers(0, 3))):
            service.method.add(name=next(names), input_type=extended, output_type=extended)
    pool = DescriptorPool()
    pool.Add(file)
    return pool.FindFileByName(file.name)


@given(files())
def test_every_name_of_a_file_is_found_in_a_file_that_defines_it(file: FileDescriptor) -> None:
    index = Index([file])
    for name in _names(file):
        assert _can_be_built(index.by_symbol(name), name)


def _can_be_built(answer: tuple[bytes, ...] | None, name: str) -> bool:
    """Whether an answer is a file that defines the name, with all that it takes to build it."""
    assert answer is not None, name
    database = DescriptorDatabase()
    for file in parsed(answer):
        database.Add(file)
    return name in _names(DescriptorPool(database).FindFileByName(parsed(answer)[0].name))


def _names(file: FileDescriptor) -> set[str]:
    """The names that a file defines, found by walking its FileDescriptorProto."""
    proto = descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb)
    return set(_in_scope([proto], f"{proto.package}." if proto.package else ""))


def _in_scope(holders: Iterable[object], scope: str) -> Iterator[str]:
    """Every element of a proto that has a name, whatever its kind: fields of descriptor.proto that hold elements."""
    for holder in holders:
        for kind in (
            "message_type",
            "nested_type",
            "enum_type",
            "service",
            "extension",
            "field",
            "oneof_decl",
            "method",
        ):
            for element in getattr(holder, kind, ()):
                yield f"{scope}{element.name}"
                yield from _in_scope([element], f"{scope}{element.name}.")
                yield from (f"{scope}{value.name}" for value in getattr(element, "value", ()))

"""Descriptor sets: what is read of them, and which are refused, by a line that names the file and what is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2, timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodOptions

from actiond.api.descriptor_sets import DescriptorSetError, read_descriptor_set, read_descriptor_sets
from actiond.api.served import ACTION_SERVICE

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a descriptor set of these files."""

    def written(*files: FileDescriptorProto) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.binpb"
        path.write_bytes(FileDescriptorSet(file=files).SerializeToString())
        return path

    return written


def shop(name: str = "shop.proto", package: str = "shop.v1", *methods: str, field: str = "id") -> FileDescriptorProto:
    """A service `Orders`, whose methods take and return a message `Order` of one field."""
    file = FileDescriptorProto(name=name, package=package, syntax="proto3")
    file.message_type.add(name="Order").field.add(
        name=field, number=1, type=FieldDescriptorProto.TYPE_STRING, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    of = f".{package}.Order" if package else ".Order"
    service = file.service.add(name="Orders")
    for method in methods or ("Place",):
        service.method.add(name=method, input_type=of, output_type=of)
    return file


def file_of(module: object) -> FileDescriptorProto:
    file = FileDescriptorProto()
    module.DESCRIPTOR.CopyToProto(file)  # type: ignore[attr-defined]  # each generated module has it
    return file


def refusal(*paths: Path) -> str:
    with pytest.raises(DescriptorSetError) as caught:
        read_descriptor_sets(paths)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_methods_are_found_by_their_path_with_their_types(write: Write) -> None:
    described = read_descriptor_set(write(shop("a.proto", "shop.v1", "Place", "Cancel"), shop("b.proto", "")))
    assert described.services.keys() == {"shop.v1.Orders", "Orders"}
    method = described.method("/shop.v1.Orders/Cancel")
    assert method is not None
    assert (method.name, method.input_type.full_name) == ("Cancel", "shop.v1.Order")
    assert described.method("/Orders/Place") is not None


@pytest.mark.parametrize("path", ["/shop.v1.Orders/Nope", "/shop.v2.Orders/Place", "shop.v1.Orders", "", "/", "//"])
def test_what_no_set_describes_is_not_found(write: Write, path: str) -> None:
    assert read_descriptor_set(write(shop())).method(path) is None


def test_several_sets_may_share_what_they_define_alike(write: Write) -> None:
    first, second = read_descriptor_sets([write(shop()), write(shop(), shop("b.proto", "other"))])
    assert first.method("/shop.v1.Orders/Place") is not second.method("/shop.v1.Orders/Place")


def test_sets_agree_whatever_each_says_of_json_names_and_custom_options(write: Write) -> None:
    plain, rich = shop(), shop()
    rich.message_type[0].field[0].json_name = "id"
    # A custom option, which this program may know or not.
    rich.message_type[0].field[0].options.MergeFromString(b"\xc2\xf3\x18\x02\x08\x01")
    rich.service[0].method[0].options.MergeFromString(b"\xc2\xf3\x18\x02\x08\x01")
    assert len(read_descriptor_sets([write(plain), write(rich)])) == 2


def test_sets_disagree_about_a_json_name_that_somebody_has_chosen(write: Write) -> None:
    chosen = shop()
    chosen.message_type[0].field[0].json_name = "key"
    assert "defines shop.v1.Order differently" in refusal(write(shop()), write(chosen))


def test_sets_disagree_about_an_option_of_protobuf_itself(write: Write) -> None:
    safe = shop()
    safe.service[0].method[0].options.idempotency_level = MethodOptions.NO_SIDE_EFFECTS
    assert "defines shop.v1.Orders differently" in refusal(write(shop()), write(safe))


@pytest.mark.slow
def test_a_long_chain_of_imports_is_read(write: Write) -> None:
    length = 20_000
    files = [FileDescriptorProto(name=f"{n}.proto", dependency=[f"{n + 1}.proto"]) for n in range(length)]
    path = write(*files, FileDescriptorProto(name=f"{length}.proto"), shop())
    assert read_descriptor_set(path).method("/shop.v1.Orders/Place") is not None


@pytest.mark.parametrize("length", [1, 2, 20_000])
def test_files_that_import_each_other_are_refused(write: Write, length: int) -> None:
    files = [FileDescriptorProto(name=f"{n}.proto", dependency=[f"{(n + 1) % length}.proto"]) for n in range(length)]
    path = write(*files, shop())
    assert refusal(path).startswith(f"{path}: 0.proto imports itself")


def test_sets_of_compilers_of_different_versions_agree(write: Write) -> None:
    older, newer = file_of(timestamp_pb2), file_of(timestamp_pb2)
    older.message_type[0].field.add(name="new", number=9, type=FieldDescriptorProto.TYPE_BOOL)
    assert len(read_descriptor_sets([write(shop(), older), write(shop(), newer)])) == 2


def test_a_set_may_describe_what_this_server_serves(write: Write) -> None:
    files: dict[str, FileDescriptorProto] = {}

    def add(file: object) -> None:
        proto = FileDescriptorProto()
        file.CopyToProto(proto)  # type: ignore[attr-defined]  # a FileDescriptor
        files[proto.name] = proto
        for imported in file.dependencies:  # type: ignore[attr-defined]  # likewise
            add(imported)

    add(ACTION_SERVICE.file)
    described = read_descriptor_set(write(*files.values()))
    assert described.services.keys() == {ACTION_SERVICE.full_name}


def test_a_set_that_lacks_an_import_is_refused(write: Write) -> None:
    file = shop()
    file.dependency.append("google/protobuf/timestamp.proto")
    path = write(file)
    assert refusal(path) == (
        f"{path}: shop.proto imports google/protobuf/timestamp.proto, which is not there; see protoc --include_imports"
    )


def test_sets_that_disagree_are_refused(write: Write) -> None:
    first, second = write(shop()), write(shop(field="number"))
    assert refusal(first, second) == f"{second}: defines shop.v1.Order differently than {first} does"


def test_sets_that_disagree_about_a_service_are_refused(write: Write) -> None:
    first, second = write(shop()), write(shop("shop.proto", "shop.v1", "Place", "Cancel"))
    assert refusal(first, second) == f"{second}: defines shop.v1.Orders differently than {first} does"


def test_a_set_that_has_a_file_twice_is_refused(write: Write) -> None:
    path = write(shop(), shop(field="number"))
    assert refusal(path) == f"{path}: contains shop.proto twice, with different content"


def test_a_set_that_defines_a_type_twice_is_refused(write: Write) -> None:
    path = write(shop("a.proto"), shop("b.proto", field="number"))
    assert refusal(path).startswith(f"{path}: ")


def test_a_set_whose_method_has_an_unknown_type_is_refused(write: Write) -> None:
    file = shop()
    file.service[0].method[0].input_type = ".shop.v1.Nothing"
    path = write(file)
    assert refusal(path).startswith(f"{path}: shop.proto is invalid: ")


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"syntax = 'proto3';", b'{"file": []}'])
def test_what_is_no_descriptor_set_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "services.binpb"
    path.write_bytes(content)
    assert refusal(path).startswith(f"{path}: not a descriptor set with services")


def test_a_set_without_services_is_refused(write: Write) -> None:
    assert "not a descriptor set with services" in refusal(write(file_of(descriptor_pb2)))


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "none.binpb"
    assert refusal(path) == f"{path}: No such file or directory"

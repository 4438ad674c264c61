"""What a condition may name: what this server serves, what its operator adds, and our own events."""

from collections.abc import Callable
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from actiond.actions.conditions import Condition, ExecutionType, Scope
from actiond.api.schema import DescriptorSetError, make_catalogue, read_descriptor_set
from actiond.api.served import ACTION_SERVICE

OWN_METHODS = {f"/{ACTION_SERVICE.full_name}/{method.name}" for method in ACTION_SERVICE.methods}

Write = Callable[..., Path]


def _file(package: str, **services: list[str]) -> FileDescriptorProto:
    file = FileDescriptorProto(name=f"{package}.proto", package=package)
    for name, methods in services.items():
        service = file.service.add(name=name)
        for method in methods:
            service.method.add(name=method)
    return file


SERVED = (ACTION_SERVICE,)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a descriptor set of these files."""

    def written(*files: FileDescriptorProto) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.binpb"
        path.write_bytes(FileDescriptorSet(file=files).SerializeToString())
        return path

    return written


def test_it_holds_what_the_server_serves() -> None:
    catalogue = make_catalogue(SERVED, (), ())
    assert catalogue.methods == OWN_METHODS
    assert catalogue.services == {ACTION_SERVICE.full_name}
    assert catalogue.functions == set()


def test_it_holds_every_service_of_every_descriptor_set_beside_it(write: Write) -> None:
    shop = write(_file("shop.v1", Orders=["Place", "Cancel"], Empty=[]), _file("shop.types"))
    plain = write(_file("", Plain=["Call"]))
    catalogue = make_catalogue(SERVED, map(read_descriptor_set, (shop, plain)), ("enrich", "enrich"))
    assert catalogue.services == {ACTION_SERVICE.full_name, "shop.v1.Orders", "shop.v1.Empty", "Plain"}
    assert catalogue.methods == OWN_METHODS | {"/shop.v1.Orders/Place", "/shop.v1.Orders/Cancel", "/Plain/Call"}
    assert catalogue.functions == {"enrich"}


def test_a_descriptor_set_may_name_what_the_server_serves(write: Write) -> None:
    own = FileDescriptorProto()
    ACTION_SERVICE.file.CopyToProto(own)
    assert make_catalogue(SERVED, [read_descriptor_set(write(own))], ()) == make_catalogue(SERVED, (), ())


def test_two_versions_of_a_service_in_one_set_are_one_service(write: Write) -> None:
    first, second = _file("shop.v1", Orders=["Place"]), _file("shop.v1", Orders=["Cancel"])
    second.name = "other.proto"
    described = read_descriptor_set(write(first, second))
    assert described.methods == {"shop.v1.Orders": ("Place", "Cancel")}


def test_a_set_that_contradicts_itself_is_refused_by_name(write: Write) -> None:
    path = write(_file("shop.v1", Orders=["Place"]), _file("shop.v1", Orders=["Cancel"]))
    with pytest.raises(DescriptorSetError, match=r"contains shop\.v1\.proto twice, with different content"):
        read_descriptor_set(path)


def test_it_knows_each_of_our_events_and_what_stands_before_their_dots() -> None:
    catalogue = make_catalogue(SERVED, (), ())
    assert catalogue.events == {
        "target.added",
        "target.changed",
        "target.key_rotated",
        "target.removed",
        "execution.set",
        "execution.removed",
    }
    assert catalogue.groups == {"target", "execution"}
    assert Condition(ExecutionType.EVENT, Scope.GROUP, "target") in catalogue
    assert Condition(ExecutionType.EVENT, Scope.GROUP, "target.added") not in catalogue


@pytest.mark.parametrize("content", [b"", b"\xff\xff", b"syntax = 'proto3';", b'{"file": []}'])
def test_what_is_no_descriptor_set_is_refused_by_name(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "services.binpb"
    path.write_bytes(content)
    with pytest.raises(DescriptorSetError) as caught:
        read_descriptor_set(path)
    assert str(caught.value).startswith(f"{path}: not a descriptor set with services")
    assert "\n" not in str(caught.value)


def test_a_descriptor_set_without_services_is_refused(write: Write) -> None:
    with pytest.raises(DescriptorSetError, match="not a descriptor set with services"):
        read_descriptor_set(write(_file("shop.types")))


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(DescriptorSetError, match=r"none\.binpb: No such file or directory$"):
        read_descriptor_set(tmp_path / "none.binpb")


def test_a_descriptor_set_keeps_its_types(write: Write) -> None:
    file = _file("shop.v1", Orders=["Place"])
    file.message_type.add(name="Order")
    file.service[0].method[0].input_type = file.service[0].method[0].output_type = ".shop.v1.Order"
    described = read_descriptor_set(write(file))
    method = described.pool.FindMethodByName("shop.v1.Orders.Place")
    assert method.input_type.full_name == "shop.v1.Order"

"""Finding methods by path, with the types of their messages."""

from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

from actiond.api.descriptor_sets import DescriptorSet, describe, read_descriptor_sets
from actiond.api.known_methods import KnownMethods
from actiond.api.served import ACTION_SERVICE, SERVICES


@pytest.fixture
def known(tmp_path: Path) -> KnownMethods:
    file = FileDescriptorProto(name="shop/v1/shop.proto", package="shop.v1", syntax="proto3")
    order = file.message_type.add(name="Order")
    order.field.add(name="item", number=1, type=FieldDescriptorProto.TYPE_STRING)
    file.service.add(name="Shop").method.add(name="Place", input_type=".shop.v1.Order", output_type=".shop.v1.Order")
    path = tmp_path / "shop.binpb"
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
    return KnownMethods(SERVICES, read_descriptor_sets([path]))


def test_a_served_method_is_found_with_its_own_message_classes(known: KnownMethods) -> None:
    found = known.find("/zitadel.action.v3alpha.ActionService/CreateTarget")
    assert found is not None
    assert found.descriptor.containing_service is ACTION_SERVICE
    assert found.request_class.DESCRIPTOR.full_name == "zitadel.action.v3alpha.CreateTargetRequest"


def test_a_method_of_a_descriptor_set_is_found_with_the_messages_of_the_set(known: KnownMethods) -> None:
    found = known.find("/shop.v1.Shop/Place")
    assert found is not None
    assert found.request_class(item="cup").SerializeToString() == b"\n\x03cup"
    assert known.find("/shop.v1.Shop/Place") is found


@pytest.mark.parametrize(
    "path", ["", "/", "//", "shop.v1.Shop/Place", "/shop.v1.Shop", "/shop.v1.Shop/", "/shop.v1.Shop/Place/", "/a/b"]
)
def test_what_is_no_method_is_not_found(known: KnownMethods, path: str) -> None:
    assert known.find(path) is None


def test_services_of_both_kinds_are_listed(known: KnownMethods) -> None:
    names = [service.full_name for service in known.services()]
    assert names == [*(service.full_name for service in SERVICES), "shop.v1.Shop"]


def described(source: str, service: str, *methods: str) -> DescriptorSet:
    package, _, name = service.rpartition(".")
    file = FileDescriptorProto(name=f"{source}.proto", package=package)
    file.message_type.add(name="M")
    added = file.service.add(name=name)
    for method in methods:
        added.method.add(name=method, input_type=f".{package}.M", output_type=f".{package}.M")
    return describe(source, [file])


def paths(known: KnownMethods) -> set[str]:
    return {f"/{service.full_name}/{method.name}" for service in known.services() for method in service.methods}


def test_what_is_served_wins_against_a_set_and_a_set_against_a_server() -> None:
    served = described("served", "a.A", "One").services["a.A"]
    known = KnownMethods([served], [described("set", "b.B", "Two"), described("other", "a.A", "Lost")])
    known.replace_reflected(
        [described("server", "b.B", "Lost"), described("server", "c.C", "Three"), described("late", "c.C", "Lost")]
    )
    assert paths(known) == {"/a.A/One", "/b.B/Two", "/c.C/Three"}
    assert [known.find(path) is not None for path in ("/a.A/Lost", "/b.B/Lost", "/c.C/Lost")] == [False] * 3
    assert all(known.find(path) for path in paths(known))


def test_what_servers_describe_is_replaced_as_a_whole() -> None:
    known = KnownMethods([], [])
    assert known.find("/c.C/Three") is None
    known.replace_reflected([described("one", "c.C", "Three"), described("two", "d.D", "Four")])
    assert known.find("/c.C/Three") is not None
    known.replace_reflected([described("two", "d.D", "Five")])
    assert known.find("/c.C/Three") is None
    assert paths(known) == {"/d.D/Five"}

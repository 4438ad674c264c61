"""Prints what Envoy's own protos say of ext_proc's messages, as JSON. Run where xds-protos can be imported, alone.

{message or enum, without its package: {name of a field or value: [number, type, is repeated, type's name]}}
"""

import importlib
import json
import sys
from collections.abc import Iterator

from google.protobuf.descriptor import Descriptor, EnumDescriptor

Facts = dict[str, dict[str, list[object]]]


def short_name(described: Descriptor | EnumDescriptor) -> str:
    """Return the full name without the package, except for Google's types, which both sides share."""
    package = described.file.package
    return described.full_name if package == "google.protobuf" else described.full_name.removeprefix(f"{package}.")


def _types(root: Descriptor) -> Iterator[Descriptor | EnumDescriptor]:
    """Yield a message and all that it refers to, but for Google's own types."""
    seen: set[str] = set()
    todo: list[Descriptor | EnumDescriptor] = [root]
    while todo:
        described = todo.pop()
        if described.full_name in seen or described.file.package == "google.protobuf":
            continue
        seen.add(described.full_name)
        yield described
        if isinstance(described, Descriptor):
            for field in described.fields:
                todo.extend(kind for kind in (field.message_type, field.enum_type) if kind is not None)


def facts(*roots: Descriptor) -> Facts:
    """Return what is to be compared."""
    found: Facts = {}
    for described in (each for root in roots for each in _types(root)):
        if isinstance(described, EnumDescriptor):
            found[short_name(described)] = {value.name: [value.number] for value in described.values}
            continue
        found[short_name(described)] = {
            field.name: [
                field.number,
                field.type,
                field.is_repeated,
                short_name(kind) if (kind := field.message_type or field.enum_type) is not None else "",
                "" if field.containing_oneof is None else field.containing_oneof.name,
            ]
            for field in described.fields
        }
    return found


if __name__ == "__main__":
    # Not of this environment, so that no checker knows it.
    module = importlib.import_module("envoy.service.ext_proc.v3.external_processor_pb2")
    method = module.DESCRIPTOR.services_by_name["ExternalProcessor"].methods_by_name["Process"]
    kinds = {"Process": [method.full_name, method.client_streaming, method.server_streaming]}
    json.dump({"messages": facts(method.input_type, method.output_type), "methods": kinds}, sys.stdout)

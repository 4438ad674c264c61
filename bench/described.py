"""Descriptor sets of the services that are called through actiond or behind an Envoy."""

from pathlib import Path

from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet


def write_descriptor_set(path: Path, *services: ServiceDescriptor) -> Path:
    """Write what describes the services, with all that their files import, and return the path."""
    found: dict[str, FileDescriptorProto] = {}

    def collect(file: FileDescriptor) -> None:
        for dependency in file.dependencies:
            collect(dependency)
        file.CopyToProto(found.setdefault(file.name, FileDescriptorProto()))

    for service in services:
        collect(service.file)
    path.write_bytes(FileDescriptorSet(file=found.values()).SerializeToString())
    return path

"""The descriptors of the two versions of the reflection service."""

from typing import cast

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

_V1_FILE = "grpc/reflection/v1/reflection.proto"
_SERVICE = "ServerReflection"


def reflection_descriptors() -> tuple[ServiceDescriptor, ServiceDescriptor]:
    """Return the services of v1 and of v1alpha."""
    # Not at the import of this module: a program without reflection does not need it.
    from grpc_reflection.v1alpha import reflection_pb2

    alpha = reflection_pb2.DESCRIPTOR
    v1alpha = cast("ServiceDescriptor", alpha.services_by_name[_SERVICE])  # the stubs have a type of their own for it
    return _v1(FileDescriptorProto.FromString(alpha.serialized_pb)), v1alpha


def _v1(file: FileDescriptorProto) -> ServiceDescriptor:
    """Return the service of v1, given the file of v1alpha.

    grpcio-reflection contains v1alpha alone. v1 has the same service, messages, fields and numbers in another package.
    Its file is in a descriptor pool of its own: a program may have generated code for v1 in the default pool, which
    can define a name only once.
    """
    old, new = f".{file.package}.", ".grpc.reflection.v1."
    file.name = _V1_FILE
    file.package = new.strip(".")
    for message in file.message_type:
        for field in message.field:
            if field.type_name:  # to set it would mean that the field has one
                field.type_name = field.type_name.replace(old, new)
    for service in file.service:
        for method in service.method:
            method.input_type = method.input_type.replace(old, new)
            method.output_type = method.output_type.replace(old, new)
    file.options.java_package = "io.grpc.reflection.v1"
    file.options.go_package = "google.golang.org/grpc/reflection/grpc_reflection_v1"
    file.options.ClearField("deprecated")
    pool = DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName(f"{file.package}.{_SERVICE}")

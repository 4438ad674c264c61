"""Makes the catalogue: what the gateway serves, and what the operator adds."""

from collections.abc import Iterable
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from actiond.actions.catalogue import Catalogue
from actiond.api.served import SERVICES


class DescriptorSetError(Exception):
    """A file is no descriptor set. Its text is one line that names the file."""


def make_catalogue(descriptor_sets: Iterable[Path], functions: Iterable[str]) -> Catalogue:
    """The services of this server and of the descriptor sets, as `protoc --descriptor_set_out` writes them.

    Raises DescriptorSetError.
    """
    methods = {f"/{service.full_name}/{method.name}" for service in SERVICES for method in service.methods}
    services = {service.full_name for service in SERVICES}
    for path in descriptor_sets:
        for name, method_names in _read(path):
            services.add(name)
            methods.update(f"/{name}/{method}" for method in method_names)
    return Catalogue(frozenset(methods), frozenset(services), frozenset(functions))


def _read(path: Path) -> list[tuple[str, list[str]]]:
    """The names of each service and of its methods."""
    try:
        files = FileDescriptorSet.FromString(path.read_bytes()).file
    except OSError as error:
        raise DescriptorSetError(f"{path}: {error.strerror}") from error
    except DecodeError:
        files = None
    found = [
        (f"{file.package}.{service.name}".removeprefix("."), [method.name for method in service.method])
        for file in files or ()
        for service in file.service
    ]
    if not found:
        raise DescriptorSetError(
            f"{path}: not a descriptor set with services, as protoc --descriptor_set_out writes it"
        )
    return found

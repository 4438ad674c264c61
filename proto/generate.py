"""Runs protoc over proto/ and writes generated/: one Python package, its type stubs and the descriptor set for Envoy.

The typed clients are written here. What mypy-protobuf makes of the same protos are types for protoc's stubs, which
neither send a token nor have a deadline of their own.

protoc writes absolute imports, as if `zitadel` and `buf` were installed at the top of site-packages. They are made
relative here, so that the package `actiond_protos` is all that an installation adds.

`buf/validate/validate.proto` is not vendored: protovalidate carries its descriptor. Compiling that one keeps the field
numbers of the rules and the engine that reads them on the same version.
"""

import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import grpc_tools
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_tools import protoc
from protovalidate._gen.buf.validate import validate_pb

PROTO = Path(__file__).parent
VALIDATE = "buf/validate/validate.proto"
PACKAGE = "actiond_protos"
DESCRIPTORS = "actiond.binpb"
CLIENTS = {
    "actiond.v1.DeliveryService": "DeliveryServiceClient",
    "actiond.v1.ExecutionService": "ExecutionServiceClient",
    "zitadel.action.v2.ActionService": "ActionServiceV2Client",
    "zitadel.action.v3alpha.ActionService": "ActionServiceClient",
}
"""The names of the typed clients, by their services."""


def _rules_files() -> list[descriptor_pb2.FileDescriptorProto]:
    files = []
    for module in (descriptor_pb2, duration_pb2, timestamp_pb2, field_mask_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        files.append(file)
    files.append(descriptor_pb2.FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary()))
    return files


def _protoc(*arguments: str) -> None:
    if protoc.main(["protoc", *arguments]) != 0:
        sys.exit("protoc failed")


def _make_package(package: Path) -> None:
    """Make the imports between generated modules relative, and make every folder a package."""
    tops = "|".join(re.escape(folder.name) for folder in package.iterdir() if folder.is_dir())
    absolute_import = re.compile(rf"^from (?=(?:{tops})\b)", re.MULTILINE)
    # The name under which a module is registered becomes its messages' `__module__`, which pickle imports.
    registered_name = re.compile(rf"(?<=DESCRIPTOR, ')(?=(?:{tops})\b)")
    for module in [*package.rglob("*.py"), *package.rglob("*.pyi")]:
        dots = "." * len(module.relative_to(package).parts)
        code = absolute_import.sub(f"from {dots}", module.read_text())
        module.write_text(registered_name.sub(f"{package.name}.", code))
    for folder in {module.parent for module in package.rglob("*.py")}:
        for parent in (folder, *folder.parents):
            if parent.is_relative_to(package):
                (parent / "__init__.py").touch()
    (package / "__init__.py").write_text('"""Code that protoc generated from proto/. Not edited by hand."""\n')
    (package / "py.typed").touch()


# Typed clients: what a program calls has the messages' types, sends its token and has a deadline each time.

_SERVICE, _METHOD = 6, 2
"""Field numbers of FileDescriptorProto and ServiceDescriptorProto, which say where a comment is."""
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

_CLIENTS_HEAD = '''"""Typed clients for `{module}`. Written by proto/generate.py; not edited by hand."""

from __future__ import annotations

from collections.abc import Iterable{more}

import grpc{aio}

{imports}

Metadata = Iterable[tuple[str, str | bytes]]
'''

_CALLS = '''
Request = TypeVar("Request")
UnaryResponse = TypeVar("UnaryResponse")
Response = TypeVar("Response", covariant=True)


class UnaryCall(Generic[Request, UnaryResponse]):
    """Calls a method that has one response. Raises grpc.RpcError."""

    def __init__(
        self,
        callable_: grpc.UnaryUnaryMultiCallable[Request, UnaryResponse],
        metadata: tuple[tuple[str, str | bytes], ...],
        timeout: float | None,
    ) -> None:
        """Send `metadata` with each call, and give it `timeout` seconds unless it is given others."""
        self._callable = callable_
        self._metadata = metadata
        self._timeout = timeout

    def __call__(self, request: Request, *, timeout: float | None = None, metadata: Metadata = ()) -> UnaryResponse:
        """Return the response."""
        return self._callable(
            request,
            timeout=self._timeout if timeout is None else timeout,
            metadata=(*self._metadata, *metadata),
        )

    def with_call(
        self, request: Request, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> tuple[UnaryResponse, grpc.Call]:
        """Return the response and the call, which has the metadata that was sent beside it."""
        return self._callable.with_call(
            request,
            timeout=self._timeout if timeout is None else timeout,
            metadata=(*self._metadata, *metadata),
        )


class ResponseStream(Protocol[Response]):
    """The responses of a call, as they come. Raises grpc.RpcError."""

    def __iter__(self) -> Iterator[Response]: ...

    def __next__(self) -> Response: ...

    def cancel(self) -> bool:
        """End the call."""
'''

_CLIENT = '''

class {name}:
    """Calls {service}. Every method raises grpc.RpcError."""

    def __init__(self, channel: {channel}, metadata: Metadata = (), timeout: float | None = None) -> None:
        """Send `metadata` with each call, and give each but streams `timeout` seconds, unless it is given others."""
        self._metadata = tuple(metadata)
        self._timeout = timeout
{stubs}
'''

_STUB = """        self._{name} = channel.{kind}(
            "/{service}/{method}",
            {request}.SerializeToString,
            {response}.FromString,
        )
"""

_CALL = '''
    def {name}(
        self, request: {request}, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> {result}:
        """{comment}"""
        return self._{name}(request, timeout={timeout}, metadata=(*self._metadata, *metadata))
'''

_UNARY_PROPERTY = '''
    @property
    def {name}(self) -> UnaryCall[{request}, {response}]:
        """{comment}"""
        return UnaryCall(self._{name}, self._metadata, self._timeout)
'''
"""Over a channel of `grpc`, where metadata beside a response is had by `with_call`."""


def _write_clients(package: Path) -> None:
    """Write a module with clients over channels of `grpc`, and one over those of `grpc.aio`."""
    read = descriptor_pb2.FileDescriptorSet.FromString((package / DESCRIPTORS).read_bytes())
    files = [file for file in read.file if any(f"{file.package}.{one.name}" in CLIENTS for one in file.service)]
    names = _module_names(file.name for file in files)
    classes = {
        f".{file.package}.{one.name}": f"{names[file.name]}.{one.name}" for file in files for one in file.message_type
    }
    imports = "\n".join(sorted(_import_of(proto, name) for proto, name in names.items()))
    for name, is_aio in (("clients", False), ("aio_clients", True)):
        head = _CLIENTS_HEAD.format(
            module="grpc.aio" if is_aio else "grpc",
            more="" if is_aio else ", Iterator\nfrom typing import Generic, Protocol, TypeVar",
            aio=".aio" if is_aio else "",
            imports=imports,
        )
        clients = [
            _client(file, index, classes, is_aio=is_aio)
            for file in files
            for index, service in enumerate(file.service)
            if f"{file.package}.{service.name}" in CLIENTS
        ]
        (package / f"{name}.py").write_text(head + ("" if is_aio else _CALLS) + "".join(clients))


def _module_names(protos: Iterable[str]) -> dict[str, str]:
    """Return the names of the modules of these files, in which the folder's name tells those apart that share one."""
    paths = [Path(proto) for proto in protos]
    stems = Counter(path.stem for path in paths)
    return {str(path): f"{path.stem}{f'_{path.parent.name}' if stems[path.stem] > 1 else ''}_pb2" for path in paths}


def _import_of(proto: str, name: str) -> str:
    path = Path(proto)
    module = f"{path.stem}_pb2"
    package = ".".join(path.parent.parts)
    return f"from .{package} import {module}{'' if name == module else f' as {name}'}"


def _client(file: descriptor_pb2.FileDescriptorProto, index: int, classes: dict[str, str], *, is_aio: bool) -> str:
    service = file.service[index]
    full_name = f"{file.package}.{service.name}"
    comments = {tuple(place.path): place.leading_comments for place in file.source_code_info.location}
    stubs, calls = [], []
    for number, method in enumerate(service.method):
        if method.client_streaming:
            sys.exit(f"{full_name}.{method.name} has a stream of requests, for which no client is written")
        request, response = classes[method.input_type], classes[method.output_type]
        name = _WORDS.sub("_", method.name).lower()
        kind = "unary_stream" if method.server_streaming else "unary_unary"
        stubs.append(
            _STUB.format(
                name=name, kind=kind, service=full_name, method=method.name, request=request, response=response
            )
        )
        aio_call = "UnaryStreamCall" if method.server_streaming else "UnaryUnaryCall"
        template = _CALL if is_aio or method.server_streaming else _UNARY_PROPERTY
        calls.append(
            template.format(
                name=name,
                request=request,
                response=response,
                result=f"grpc.aio.{aio_call}[{request}, {response}]" if is_aio else f"ResponseStream[{response}]",
                comment=_docstring(comments[_SERVICE, index, _METHOD, number]),
                timeout="timeout" if method.server_streaming else "self._timeout if timeout is None else timeout",
            )
        )
    channel = "grpc.aio.Channel" if is_aio else "grpc.Channel"
    client = _CLIENT.format(name=CLIENTS[full_name], service=full_name, channel=channel, stubs="".join(stubs).rstrip())
    return client.rstrip() + "\n" + "".join(calls)


def _docstring(comment: str) -> str:
    lines = [f"        {line.strip()}".rstrip() for line in comment.strip().splitlines()]
    text = "\n".join(lines).strip()
    return f"{text}\n        " if "\n" in text else text


def generate(target: Path) -> None:
    """Empty `target` and write all generated files into it."""
    shutil.rmtree(target, ignore_errors=True)
    package = target / PACKAGE
    package.mkdir(parents=True)
    ours = sorted(str(path.relative_to(PROTO)) for path in PROTO.rglob("*.proto"))
    googleapis = Path(error_details_pb2.__file__).parents[2]
    with tempfile.TemporaryDirectory() as scratch:
        rules = Path(scratch, "validate.binpb")
        rules.write_bytes(descriptor_pb2.FileDescriptorSet(file=_rules_files()).SerializeToString())
        read_rules = f"--descriptor_set_in={rules}"
        read = [f"-I{PROTO}", f"-I{googleapis}", f"-I{Path(grpc_tools.__file__).parent / '_proto'}", read_rules]
        write = [f"--python_out={package}", f"--pyi_out={package}"]
        _protoc(read_rules, *write, VALIDATE)
        _protoc(*read, *write, f"--grpc_python_out={package}", *ours)
        # Envoy prints an error's details only if it knows their types, so those are in its set too.
        details = [status_pb2.DESCRIPTOR.name, error_details_pb2.DESCRIPTOR.name]
        described = ("--include_imports", "--include_source_info")  # the comments, for the OpenAPI document
        _protoc(*read, *described, f"--descriptor_set_out={package / DESCRIPTORS}", *ours, *details)
    _write_clients(package)
    _make_package(package)


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTO.parent / "generated")

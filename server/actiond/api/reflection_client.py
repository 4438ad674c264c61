"""Asks a running gRPC server what services it has, by server reflection, v1 or v1alpha.

Whatever the server says is bounded: how long it may take, how much it may describe. What it describes is built by
`DescriptorSet`, as a descriptor set is.

Source: https://github.com/grpc/grpc-proto/blob/master/grpc/reflection/v1/reflection.proto
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc
import grpc.aio
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FileDescriptorProto,
    ServiceDescriptorProto,
)
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

from actiond.api.descriptor_sets import DescriptorSet, describe, essence, missing_imports

VERSIONS = ("grpc.reflection.v1", "grpc.reflection.v1alpha")
"""In the order in which they are tried. Their messages are alike, but for the package."""
LEFT_OUT = ("grpc.health.", "grpc.reflection.")
"""Beginnings of the names of services that executions are not for."""
LARGE = 64 * 1024
"""Bytes of an answer that takes more than a millisecond to look through."""
MAX_REASON = 200
"""Characters of a server's own words in an error."""
MAX_NAME = 512
"""Characters of the full name of a message, an enum or a service, and of the name of a file."""
MAX_DEPTH = 32
"""Words of such a full name. A reference to a type may be looked for in every one of its scopes."""


class ReflectionError(Exception):
    """A server has not described its services. The message is one line, without its address."""


@dataclass(frozen=True, slots=True)
class ReflectionServer:
    """A server that is asked."""

    address: str
    """`HOST:PORT`, with brackets around an IPv6 address."""
    is_tls: bool = False
    """Whether it is called with TLS, and verified against the system's trust store."""

    def __str__(self) -> str:
        return f"https://{self.address}" if self.is_tls else self.address


@dataclass(frozen=True, slots=True)
class ReflectionLimits:
    """Bounds of what one server may take and describe."""

    question_seconds: float = 5.0
    """How long one answer may take, that to the first question with the connection."""
    total_seconds: float = 20.0
    """How long all of them may take."""
    size: int = 8 * 1024 * 1024
    """Bytes of one answer, and of all files."""
    files: int = 2_000
    services: int = 1_000
    methods: int = 10_000
    definitions: int = 100_000
    """Messages, enums and services, with their fields, values and methods, and imports."""


@dataclass(frozen=True, slots=True)
class Reflection:
    """What a server has answered: the services that it serves, and the files that define them, with their imports."""

    services: frozenset[str]
    files: tuple[bytes, ...]
    """Serialized FileDescriptorProtos, in the order of their names."""


async def reflect(server: ReflectionServer, limits: ReflectionLimits) -> Reflection:
    """Ask a server. Raises ReflectionError."""
    try:
        async with asyncio.timeout(limits.total_seconds), _channel(server, limits) as channel:
            for version in VERSIONS:
                answer = await _reflect(channel, version, limits)
                if answer is not None:
                    return answer
    except TimeoutError as error:
        raise ReflectionError(f"has not described everything within {limits.total_seconds:g} s") from error
    raise ReflectionError("has no server reflection")


def described(server: ReflectionServer, answer: Reflection) -> DescriptorSet:
    """Return what a server has described. It takes time for a large answer. Raises DescriptorSetError."""
    # Not its custom options: rules of buf.validate would be a stranger's code, which takes as long as it likes.
    files = [essence(FileDescriptorProto.FromString(file)) for file in answer.files]
    found = describe(str(server), files, answer.services)
    for service in found.services.values():
        for method in service.methods:
            GetMessageClass(method.input_type), GetMessageClass(method.output_type)
    return found


def _channel(server: ReflectionServer, limits: ReflectionLimits) -> grpc.aio.Channel:
    options = (
        ("grpc.max_receive_message_length", limits.size),  # before and after decompression
        ("grpc.enable_http_proxy", 0),
        ("grpc.enable_retries", 0),
        ("grpc.service_config_disable_resolution", 1),
        # The core would share connections, and wait before it connects again.
        ("grpc.use_local_subchannel_pool", 1),
    )
    target = f"dns:///{server.address}"
    if not server.is_tls:
        return grpc.aio.insecure_channel(target, options=options)
    credentials = grpc.ssl_channel_credentials(root_certificates=_trust_store())
    return grpc.aio.secure_channel(target, credentials, options=options)


def _trust_store() -> bytes | None:
    """Return the authorities that the system trusts, in PEM; None, for grpc's own list, if they are not found."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile is not None:
        return Path(paths.cafile).read_bytes()
    if paths.capath is None:
        return None
    # OpenSSL looks for them by a hash, as 1a2b3c4d.0.
    found = sorted(Path(paths.capath).glob("[0-9a-f]" * 8 + ".[0-9]"))
    return b"\n".join(file.read_bytes() for file in found) or None


async def _reflect(channel: grpc.aio.Channel, version: str, limits: ReflectionLimits) -> Reflection | None:
    """Return what a version of the service answers; None if the server lacks it."""
    # A call for each question. grpc.aio loses the status of a call that has ended when it writes to it, see
    # https://github.com/grpc/grpc/issues/36066, and a server that lacks the method ends it at once.
    call = channel.unary_stream(
        f"/{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=bytes,
    )
    ask = _Questions(call, limits.question_seconds)
    try:
        services = await _services(ask, limits)
    except _UnimplementedError:
        return None
    return await _files_of(ask, services, limits)


class _UnimplementedError(ReflectionError):
    """The server lacks a method."""


class _Questions:
    """Asks a question at a time."""

    def __init__(self, call: Callable[[ServerReflectionRequest], Any], seconds: float) -> None:
        self._call = call
        self._seconds = seconds

    async def __call__(self, request: ServerReflectionRequest) -> ServerReflectionResponse:
        """Return the answer, which may be an error."""
        answer = await self._answer(self._call(request))
        try:
            return ServerReflectionResponse.FromString(answer)
        except DecodeError as error:
            raise ReflectionError("has answered with something that is not server reflection") from error

    async def _answer(self, call: Any) -> bytes:
        try:
            async with asyncio.timeout(self._seconds):
                answer = await call.read()
                if answer is grpc.aio.EOF:
                    raise ReflectionError("has ended the call without an answer")
                if await call.read() is not grpc.aio.EOF:
                    raise ReflectionError("has given several answers to one question")
        except TimeoutError as error:
            raise ReflectionError(f"has not answered within {self._seconds:g} s") from error
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                raise _UnimplementedError("has no server reflection") from error
            raise ReflectionError(_reason(error.code().name, error.details())) from error
        finally:
            call.cancel()
        return cast("bytes", answer)


def _reason(code: str, details: str | None) -> str:
    """Return an error as a server describes it, on one line."""
    words = " ".join((details or "").split())
    return f"{code}: {words[:MAX_REASON]}" if words else code


async def _services(ask: _Questions, limits: ReflectionLimits) -> frozenset[str]:
    answer = await ask(ServerReflectionRequest(list_services="*"))
    if answer.WhichOneof("message_response") != "list_services_response":
        raise ReflectionError(f"has not listed its services: {_said(answer)}")
    names = frozenset(service.name for service in answer.list_services_response.service)
    names = frozenset(name for name in names if not name.startswith(LEFT_OUT))
    if len(names) > limits.services:
        raise ReflectionError(f"has more than {limits.services:,} services")
    if any(len(name) > MAX_NAME for name in names):
        raise ReflectionError(f"has a service with a name of more than {MAX_NAME} characters")
    return names


async def _files_of(ask: _Questions, services: frozenset[str], limits: ReflectionLimits) -> Reflection:
    """Ask for what defines the services, and then for what that imports and the server has not sent unasked."""
    files = _Files(limits)
    for service in sorted(services):
        if service not in files.services:
            answer = await ask(ServerReflectionRequest(file_containing_symbol=service))
            await _add(files, answer)
            if service not in files.services:
                raise ReflectionError(f"has {service}, but does not describe it: {_said(answer)}")
    while missing := missing_imports(files.by_name.values()):
        imported, importer = min(missing.items())
        answer = await ask(ServerReflectionRequest(file_by_filename=imported))
        await _add(files, answer)
        if imported not in files.by_name:
            raise ReflectionError(f"{importer} imports {imported}, which it does not describe: {_said(answer)}")
    return Reflection(services, tuple(files.content[name] for name in sorted(files.content)))


async def _add(files: "_Files", answer: ServerReflectionResponse) -> None:
    """Add the files of an answer, away from the loop if they are large."""
    if answer.ByteSize() > LARGE:
        await asyncio.to_thread(files.add, answer)
    else:
        files.add(answer)


def _said(answer: ServerReflectionResponse) -> str:
    """Return what an answer says instead of what was asked for."""
    if not answer.HasField("error_response"):
        return "its answer is another"
    error = answer.error_response
    known = {code.value[0]: code.name for code in grpc.StatusCode}
    return _reason(known.get(error.error_code, str(error.error_code)), error.error_message)


class _Files:
    """The files that a server has sent."""

    def __init__(self, limits: ReflectionLimits) -> None:
        self._limits = limits
        self._size = 0
        self._methods = 0
        self._definitions = 0
        self.content: dict[str, bytes] = {}
        self.by_name: dict[str, FileDescriptorProto] = {}
        self.services: set[str] = set()
        """Full names of those that the files define."""

    def add(self, answer: ServerReflectionResponse) -> None:
        """Add the files of an answer. Raises ReflectionError."""
        for content in answer.file_descriptor_response.file_descriptor_proto:
            try:
                file = FileDescriptorProto.FromString(content)
            except DecodeError as error:
                raise ReflectionError("has sent a file that cannot be parsed") from error
            known = self.content.get(file.name)
            if known is None:
                self._add(file, content)
            elif known != content:
                raise ReflectionError(f"has sent {_name(file.name)} twice, with different content")

    def _add(self, file: FileDescriptorProto, content: bytes) -> None:
        for name in (file.name, *file.dependency):
            _name(name)
        self._size += len(content)
        if self._size > self._limits.size:
            raise ReflectionError(f"has described more than {self._limits.size:,} bytes")
        if len(self.content) >= self._limits.files:
            raise ReflectionError(f"has described more than {self._limits.files:,} files")
        self._methods += sum(len(service.method) for service in file.service)
        if self._methods > self._limits.methods:
            raise ReflectionError(f"has described more than {self._limits.methods:,} methods")
        for count in _counts(file):
            self._definitions += count
            if self._definitions > self._limits.definitions:
                raise ReflectionError(f"has described more than {self._limits.definitions:,} definitions")
        self.content[file.name] = content
        self.by_name[file.name] = file
        self.services.update(f"{file.package}.{service.name}".lstrip(".") for service in file.service)


def _name(name: str | bytes) -> str:
    """Return a name that is not too long and fits on a line. Raises ReflectionError."""
    # What is not UTF-8 comes as bytes: descriptor.proto is proto2, which does not look.
    if isinstance(name, bytes) or not name.isprintable():
        raise ReflectionError("has described a name that cannot be printed")
    if len(name) > MAX_NAME or name.count(".") >= MAX_DEPTH:
        raise ReflectionError(f"has described a name of more than {MAX_NAME} characters or {MAX_DEPTH} words")
    return name


def _counts(file: FileDescriptorProto) -> Iterator[int]:
    """Yield how many definitions there are, part by part, so that none of many is looked at."""
    yield 1 + len(file.dependency) + len(file.public_dependency) + len(file.weak_dependency) + len(file.extension)
    scope = _name(file.package)
    yield from _of_enums(scope, file.enum_type)
    yield from _of_services(scope, file.service)
    yield from _of_messages(scope, file.message_type)


def _of_messages(scope: str, messages: Sequence[DescriptorProto]) -> Iterator[int]:
    yield len(messages)
    for message in messages:
        name = _name(f"{scope}.{message.name}")
        yield len(message.field) + len(message.oneof_decl) + len(message.extension) + len(message.extension_range)
        yield len(message.reserved_range) + len(message.reserved_name)
        yield from _of_enums(name, message.enum_type)
        yield from _of_messages(name, message.nested_type)


def _of_enums(scope: str, enums: Sequence[EnumDescriptorProto]) -> Iterator[int]:
    yield len(enums)
    for enum in enums:
        _name(f"{scope}.{enum.name}")
        yield len(enum.value)


def _of_services(scope: str, services: Sequence[ServiceDescriptorProto]) -> Iterator[int]:
    yield len(services)
    for service in services:
        _name(f"{scope}.{service.name}")
        yield len(service.method)

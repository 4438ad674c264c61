"""gRPC servers with server reflection, honest ones and others. They serve nothing else."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse

Answer = Callable[[ServerReflectionRequest], ServerReflectionResponse | bytes | None]
"""Returns a response, any bytes in its place, or None to end the stream."""

V1, V1ALPHA = "grpc.reflection.v1", "grpc.reflection.v1alpha"


def shop(
    *methods: str, package: str = "shop.v1", field: str = "id", imports: Iterable[str] = ()
) -> FileDescriptorProto:
    """A service `Orders`, whose methods take and return a message `Order` of one field."""
    name = f"{package.replace('.', '/')}/shop.proto"
    file = FileDescriptorProto(name=name, package=package, syntax="proto3", dependency=imports)
    file.message_type.add(name="Order").field.add(
        name=field, number=1, type=FieldDescriptorProto.TYPE_STRING, label=FieldDescriptorProto.LABEL_OPTIONAL
    )
    service = file.service.add(name="Orders")
    for method in methods or ("Place",):
        service.method.add(name=method, input_type=f".{package}.Order", output_type=f".{package}.Order")
    return file


def listing(*services: str) -> ServerReflectionResponse:
    response = ServerReflectionResponse()
    response.list_services_response.SetInParent()
    for service in services:
        response.list_services_response.service.add(name=service)
    return response


def sending(*files: FileDescriptorProto | bytes) -> ServerReflectionResponse:
    response = ServerReflectionResponse()
    contents = (file if isinstance(file, bytes) else file.SerializeToString() for file in files)
    response.file_descriptor_response.file_descriptor_proto.extend(contents)
    return response


def failing(code: grpc.StatusCode, text: str) -> ServerReflectionResponse:
    response = ServerReflectionResponse()
    response.error_response.error_code, response.error_response.error_message = code.value[0], text
    return response


def describing(*files: FileDescriptorProto, services: Iterable[str] | None = None) -> Answer:
    """Answer as most servers do: the file alone that was asked for, without what it imports."""
    by_name = {file.name: file for file in files}
    by_service = {f"{file.package}.{service.name}": file for file in files for service in file.service}
    listed = list(by_service if services is None else services)

    def answer(request: ServerReflectionRequest) -> ServerReflectionResponse:
        if request.HasField("list_services"):
            return listing(*listed)
        asked = request.file_containing_symbol or request.file_by_filename
        found = by_service.get(asked) or by_name.get(asked)
        return failing(grpc.StatusCode.NOT_FOUND, "nothing of that name") if found is None else sending(found)

    return answer


class ReflectingServer:
    """A server whose answers can be exchanged while it serves. `seen` are the versions that were asked."""

    def __init__(self, answer: Answer, port: int = 0, versions: Iterable[str] = (V1,)) -> None:
        self.answer = answer
        self.seen: set[str] = set()
        self._server = grpc.server(ThreadPoolExecutor(8))
        for version in versions:
            self._server.add_generic_rpc_handlers((self._handler(version),))
        self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _handler(self, version: str) -> grpc.GenericRpcHandler:
        def answers(requests: Iterator[ServerReflectionRequest], _context: object) -> Iterator[bytes]:
            self.seen.add(version)
            for request in requests:
                answer = self.answer(request)
                if answer is None:
                    return
                yield answer if isinstance(answer, bytes) else answer.SerializeToString()

        handler = grpc.stream_stream_rpc_method_handler(answers, ServerReflectionRequest.FromString, bytes)
        return grpc.method_handlers_generic_handler(f"{version}.ServerReflection", {"ServerReflectionInfo": handler})

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()


@contextmanager
def reflecting(answer: Answer, port: int = 0, versions: Iterable[str] = (V1,)) -> Iterator[ReflectingServer]:
    """Serve on the loopback address until the block ends."""
    server = ReflectingServer(answer, port, versions)
    server.start()
    try:
        yield server
    finally:
        server.stop()

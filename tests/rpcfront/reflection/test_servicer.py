"""Server reflection over a real port, in both versions: what is asked for comes, and what is wrong is said."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2, error_details_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from rpcfront import Gateway, reflection_services
from tests.rpcfront.reflection.everything import FILE, SERVICE, SYMBOLS, parsed
from tests.support.programs import program
from tests.support.servers.faces import grpc_server, listener
from tests.support.waiting import WAIT

Serve = Callable[[Sequence[tuple[ServiceDescriptor, object]]], AbstractAsyncContextManager[int]]

V1, V1ALPHA = "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"


class Version:
    """A client of one version."""

    def __init__(self, service: ServiceDescriptor, channel: grpc.aio.Channel) -> None:
        method = service.methods[0]
        self.name = service.full_name
        self.request = GetMessageClass(method.input_type)
        self.info: Any = channel.stream_stream(
            f"/{service.full_name}/{method.name}",
            request_serializer=self.request.SerializeToString,
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )

    async def ask(self, **fields: Any) -> Any:
        """The response to one request."""
        (response,) = [response async for response in self.info(iter([self.request(**fields)]))]
        return response


@pytest.fixture(params=[listener, grpc_server], ids=["listener", "grpc.aio"])
def serve(request: pytest.FixtureRequest) -> Serve:
    """Serves reflection with the gateway's own server, or with grpcio's."""

    def serve_with(services: Sequence[tuple[ServiceDescriptor, object]]) -> AbstractAsyncContextManager[int]:
        server: AbstractAsyncContextManager[int] = request.param(Gateway(services=services))
        return server

    return serve_with


@pytest.fixture(params=[V1, V1ALPHA])
async def version(request: pytest.FixtureRequest, serve: Serve) -> AsyncIterator[Version]:
    services = reflection_services([SERVICE], [error_details_pb2.BadRequest.DESCRIPTOR])
    async with serve(services) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Version(next(service for service, _ in services if service.full_name == request.param), channel)


async def test_the_services_are_listed_with_both_versions(version: Version) -> None:
    listed = await version.ask(list_services="*")
    names = [service.name for service in listed.list_services_response.service]
    assert names == ["every.kind.Service", V1, V1ALPHA]


@pytest.mark.parametrize("kind", SYMBOLS)
async def test_a_symbol_of_every_kind_is_found(kind: str, version: Version) -> None:
    found = await version.ask(file_containing_symbol=f"every.kind.{SYMBOLS[kind]}")
    assert parsed(found.file_descriptor_response.file_descriptor_proto)[0].name == FILE


async def test_the_services_of_reflection_and_the_further_types_are_described(version: Version) -> None:
    for symbol in (V1, f"{V1ALPHA}.ServerReflectionInfo", "google.rpc.BadRequest.FieldViolation.field"):
        found = await version.ask(file_containing_symbol=symbol)
        assert found.WhichOneof("message_response") == "file_descriptor_response", symbol


async def test_v1_is_described_as_other_servers_describe_it(version: Version) -> None:
    found = await version.ask(file_by_filename="grpc/reflection/v1/reflection.proto")
    (file,) = parsed(found.file_descriptor_response.file_descriptor_proto)
    assert file.package == "grpc.reflection.v1"
    assert "v1alpha" not in str(file)
    assert not file.options.deprecated


async def test_a_file_is_found_by_its_name_and_comes_with_its_imports(version: Version) -> None:
    found = await version.ask(file_by_filename=FILE)
    names = [file.name for file in parsed(found.file_descriptor_response.file_descriptor_proto)]
    assert names == [FILE, "google/protobuf/descriptor.proto", "google/protobuf/timestamp.proto"]


async def test_an_extension_is_found_by_its_number(version: Version) -> None:
    numbers = await version.ask(all_extension_numbers_of_type="every.kind.Message")
    assert numbers.all_extension_numbers_response.base_type_name == "every.kind.Message"
    assert list(numbers.all_extension_numbers_response.extension_number) == [100, 101, 103]
    extension = {"containing_type": "every.kind.Message", "extension_number": 103}
    found = await version.ask(file_containing_extension=extension)
    assert parsed(found.file_descriptor_response.file_descriptor_proto)[0].name == FILE


@pytest.mark.parametrize(
    ("request_fields", "text"),
    [
        ({"file_by_filename": "no.proto"}, "no file is called 'no.proto'"),
        ({"file_containing_symbol": "no.Symbol"}, "no file defines 'no.Symbol'"),
        ({"file_containing_symbol": ""}, "no file defines ''"),
        ({"all_extension_numbers_of_type": "no.Type"}, "no message is called 'no.Type'"),
        (
            {"file_containing_extension": {"containing_type": "every.kind.Message", "extension_number": 9}},
            "no file defines an extension of 'every.kind.Message' with the number 9",
        ),
    ],
)
async def test_what_is_unknown_is_not_found(version: Version, request_fields: dict[str, Any], text: str) -> None:
    response = await version.ask(host="a.host", **request_fields)
    assert response.error_response.error_code == code_pb2.NOT_FOUND
    assert response.error_response.error_message == text
    assert response.valid_host == "a.host"
    assert response.original_request == version.request(host="a.host", **request_fields)


async def test_a_request_that_asks_for_nothing_is_an_error_and_the_stream_goes_on(version: Version) -> None:
    requests = [version.request(host="h"), version.request(list_services="")]
    wrong, right = [response async for response in version.info(iter(requests))]
    assert wrong.error_response.error_code == code_pb2.INVALID_ARGUMENT
    assert wrong.original_request == requests[0]
    assert right.WhichOneof("message_response") == "list_services_response"


@pytest.mark.parametrize(
    "field", ["file_by_filename", "file_containing_symbol", "all_extension_numbers_of_type", "host"]
)
async def test_a_request_that_is_too_large_is_not_repeated(version: Version, field: str) -> None:
    response = await version.ask(**{field: "x" * 5000})
    assert response.error_response.error_code == code_pb2.INVALID_ARGUMENT
    assert response.ByteSize() < 100


async def test_answers_come_in_the_order_of_the_questions(version: Version) -> None:
    symbols = ["every.kind.Service", "no.Symbol", "every.kind.Message"] * 20
    requests = [version.request(file_containing_symbol=symbol) for symbol in symbols]
    responses = [response async for response in version.info(iter(requests))]
    assert [response.original_request.file_containing_symbol for response in responses] == symbols


async def test_streams_are_bounded_over_both_versions_and_counted_until_they_end(serve: Serve) -> None:
    services = reflection_services([SERVICE], max_streams=2)
    async with serve(services) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        first, second = (Version(service, channel) for service, _ in services)
        held = [version.info() for version in (first, second)]
        for stream, version in zip(held, (first, second), strict=True):
            await stream.write(version.request(list_services=""))
            assert (await stream.read()).list_services_response.service
        assert await first.info().code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        held[0].cancel()
        await held[1].done_writing()

        async with asyncio.timeout(WAIT):
            while not (await _serves(first) and await _serves(second)):  # noqa: ASYNC110  # nothing tells of it
                await asyncio.sleep(0.01)


async def test_a_stream_on_which_nothing_is_asked_ends(serve: Serve) -> None:
    services = reflection_services([SERVICE], max_streams=1, idle_seconds=0.2)
    async with serve(services) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        version = Version(services[0][0], channel)
        for question in ([], [version.request(list_services="")]):
            stream = version.info()
            for request in question:
                await stream.write(request)
                assert (await stream.read()).list_services_response.service
            async with asyncio.timeout(WAIT):
                assert await stream.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            assert await stream.details() == "no request within 0.2 seconds"


async def _serves(version: Version) -> bool:
    try:
        return bool((await version.ask(list_services="")).list_services_response.service)
    except grpc.aio.AioRpcError:
        return False


async def test_grpcios_own_client_builds_the_service(serve: Serve) -> None:
    async with serve(reflection_services([SERVICE])) as port:

        def build() -> descriptor_pool.DescriptorPool:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                database = ProtoReflectionDescriptorDatabase(channel)
                assert "every.kind.Service" in database.get_services()
                assert database.FindAllExtensionNumbers("every.kind.Message") == [100, 101, 103]
                pool = descriptor_pool.DescriptorPool(database)
                pool.FindServiceByName("every.kind.Service")
                return pool

        pool = await asyncio.to_thread(build)
    message = pool.FindMessageTypeByName("every.kind.Message")
    assert message.fields_by_name["some_field"].json_name == "someField"
    assert [method.name for method in pool.FindServiceByName("every.kind.Service").methods] == ["Method", "Stream"]


async def _described(port: int, symbol: str) -> str:
    grpcurl = await asyncio.create_subprocess_exec(
        *(program("grpcurl"), "-plaintext", f"127.0.0.1:{port}", "describe", symbol), stdout=-1, stderr=-2
    )
    output, _ = await asyncio.wait_for(grpcurl.communicate(), 30)
    return output.decode()


@pytest.mark.parametrize("kind", ["service", "method", "message", "field", "oneof", "enum", "extension"])
async def test_grpcurl_describes_symbols(kind: str, serve: Serve) -> None:
    symbol = f"every.kind.{SYMBOLS[kind]}"
    async with serve(reflection_services([SERVICE])) as port:
        assert (await _described(port, symbol)).startswith(f"{symbol} is ")


async def test_grpcurl_describes_values_of_enums(serve: Serve) -> None:
    async with serve(reflection_services([SERVICE])) as port:
        # Which of the two names is found depends on its release.
        values = [await _described(port, f"every.kind.{name}") for name in ("OUTER_ONE", "Outer.OUTER_ONE")]
    assert any("OUTER_ONE is an enum value" in value for value in values)

"""Asking a server what it serves, by reflection: what is read of it, and how whatever else it may do is refused."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

import grpc
import pytest
from actiond_protos.buf.validate import validate_pb2
from google.protobuf import timestamp_pb2
from google.protobuf.descriptor_pb2 import FieldOptions, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from hypothesis import given
from hypothesis import strategies as st

from actiond.api.descriptor_sets import DescriptorSetError, missing_imports
from actiond.api.reflection_client import (
    Reflection,
    ReflectionError,
    ReflectionLimits,
    ReflectionServer,
    described,
    reflect,
)
from actiond.api.served import ACTION_SERVICE
from rpcfront import Gateway, reflection_services
from tests.support.servers.faces import listener
from tests.support.servers.ports import free_port
from tests.support.servers.reflecting import (
    V1,
    V1ALPHA,
    Answer,
    describing,
    failing,
    listing,
    reflecting,
    sending,
    shop,
)
from tests.support.targets.certificates import Authority

PATIENT = ReflectionLimits(question_seconds=20.0, total_seconds=30.0)
QUICK = ReflectionLimits(question_seconds=0.3)
WHO = ReflectionServer("127.0.0.1:1")
ORDERS = "shop.v1.Orders"


def service_file(name: str, package: str, service: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name=name, package=package, syntax="proto3")
    file.message_type.add(name="M")
    method = file.service.add(name=service).method.add(name="Do")
    method.input_type = method.output_type = f".{package}.M"
    return file


async def asked(answer: Answer, limits: ReflectionLimits = PATIENT) -> Reflection:
    with reflecting(answer) as server:
        return await reflect(ReflectionServer(server.address), limits)


async def refusal(answer: Answer, limits: ReflectionLimits = PATIENT) -> str:
    with pytest.raises(ReflectionError) as caught:
        await asked(answer, limits)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def methods_of(answer: Reflection) -> set[str]:
    services = described(WHO, answer).services
    return {f"/{name}/{method.name}" for name, service in services.items() for method in service.methods}


# What answers well.


async def test_a_server_with_grpcio_reflection_is_understood() -> None:
    pool = DescriptorPool()
    pool.AddSerializedFile(shop("Place", "Cancel").SerializeToString())
    server = grpc.server(ThreadPoolExecutor(2))
    reflection.enable_server_reflection((ORDERS, reflection.SERVICE_NAME), server, pool)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    answer = await reflect(ReflectionServer(f"127.0.0.1:{port}"), PATIENT)
    server.stop(0).wait()
    assert methods_of(answer) == {"/shop.v1.Orders/Place", "/shop.v1.Orders/Cancel"}


async def test_a_server_of_ours_is_understood() -> None:
    gateway = Gateway(services=[*reflection_services([ACTION_SERVICE])])
    async with listener(gateway) as port:
        answer = await reflect(ReflectionServer(f"localhost:{port}"), PATIENT)
    assert answer.services == {ACTION_SERVICE.full_name}
    found = described(WHO, answer).services[ACTION_SERVICE.full_name]
    assert [method.name for method in found.methods] == [method.name for method in ACTION_SERVICE.methods]


@pytest.mark.parametrize(
    ("versions", "seen"), [((V1,), {V1}), ((V1ALPHA,), {V1ALPHA}), ((V1, V1ALPHA), {V1})], ids=["v1", "alpha", "both"]
)
async def test_the_older_version_is_asked_where_the_newer_one_is_not_served(
    versions: tuple[str, ...], seen: set[str]
) -> None:
    with reflecting(describing(shop()), versions=versions) as server:
        answer = await reflect(ReflectionServer(server.address), PATIENT)
    assert methods_of(answer) == {"/shop.v1.Orders/Place"}
    assert server.seen == seen


async def test_imports_that_were_not_sent_are_asked_for() -> None:
    timestamp = FileDescriptorProto.FromString(timestamp_pb2.DESCRIPTOR.serialized_pb)
    shared = FileDescriptorProto(name="shared.proto", dependency=[timestamp.name])
    answer = await asked(describing(shop(imports=["shared.proto"]), shared, timestamp))
    assert len(answer.files) == 3
    assert methods_of(answer) == {"/shop.v1.Orders/Place"}


async def test_health_and_reflection_are_left_out() -> None:
    files = shop(), service_file("health.proto", "grpc.health.v1", "Health"), service_file("r.proto", V1, "S")
    assert (await asked(describing(*files))).services == {ORDERS}


async def test_of_a_file_only_the_services_count_that_the_server_lists() -> None:
    file = shop()
    file.service.add(name="Internal").method.add(name="Do", input_type=".shop.v1.Order", output_type=".shop.v1.Order")
    answer = await asked(describing(file, services=[ORDERS]))
    assert methods_of(answer) == {"/shop.v1.Orders/Place"}


async def test_a_server_without_services_of_its_own_has_none() -> None:
    assert await asked(describing()) == Reflection(frozenset(), ())


async def test_a_server_may_compress_its_answers() -> None:
    answer = describing(shop())
    server = grpc.server(ThreadPoolExecutor(2), compression=grpc.Compression.Gzip)
    server.add_generic_rpc_handlers((_handler(answer),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    assert (await reflect(ReflectionServer(f"127.0.0.1:{port}"), PATIENT)).services == {ORDERS}
    server.stop(0).wait()


def _handler(answer: Answer) -> grpc.GenericRpcHandler:
    def answers(requests: Iterator[ServerReflectionRequest], _context: object) -> Iterator[bytes]:
        for request in requests:
            response = answer(request)
            assert isinstance(response, ServerReflectionResponse)
            yield response.SerializeToString()

    handler = grpc.stream_stream_rpc_method_handler(answers, ServerReflectionRequest.FromString, bytes)
    return grpc.method_handlers_generic_handler(f"{V1}.ServerReflection", {"ServerReflectionInfo": handler})


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_server_with_tls_is_verified_against_the_trust_store_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    authority, other = Authority(), Authority()
    pair = authority.server_pair()
    (tmp_path / "authorities.pem").write_text((authority if trusted else other).pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authorities.pem"))
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((_handler(describing(shop())),))
    port = server.add_secure_port("localhost:0", grpc.ssl_server_credentials([(pair.key, pair.certificate)]))
    server.start()
    called = ReflectionServer(f"localhost:{port}", is_tls=True)
    try:
        if trusted:
            assert (await reflect(called, PATIENT)).services == {ORDERS}
        else:
            with pytest.raises(ReflectionError, match="UNAVAILABLE"):
                await reflect(called, PATIENT)
    finally:
        server.stop(0).wait()


# What does not.


def hanging(_request: ServerReflectionRequest) -> None:
    time.sleep(1)


def without(*parts: ServerReflectionResponse | bytes | None) -> Answer:
    """Answer the first questions with these, and end the stream then."""
    answers = iter(parts)
    return lambda _request: next(answers, None)


def endless_imports() -> Answer:
    numbers = count()
    file = shop(imports=["0.proto"])

    def answer(request: ServerReflectionRequest) -> ServerReflectionResponse | bytes | None:
        if not request.file_by_filename:
            return describing(file)(request)
        number = next(numbers)
        return sending(FileDescriptorProto(name=f"{number}.proto", dependency=[f"{number + 1}.proto"]))

    return answer


def nested(depth: int) -> FileDescriptorProto:
    file = shop()
    inner = file.message_type[0]
    for _ in range(depth):
        inner = inner.nested_type.add(name="Inner")
    return file


def wide(number: int) -> FileDescriptorProto:
    file = shop()
    for position in range(number):
        file.message_type[0].nested_type.add(name=f"M{position}").field.add(name="f", number=1, type=9)
    return file


NOT_FOUND = failing(grpc.StatusCode.NOT_FOUND, "nothing of\nthat name")
LISTED = listing(ORDERS)
FAULTS: dict[str, tuple[Answer, str]] = {
    "hangs": (hanging, "has not answered within 0.3 s"),
    "ends": (without(), "has ended the call without an answer"),
    "ends later": (without(LISTED), "has ended the call without an answer"),
    "garbage": (without(b"\xff\xff\xff"), "has answered with something that is not server reflection"),
    "nothing": (without(b""), "has not listed its services: its answer is another"),
    "an error": (without(NOT_FOUND), "has not listed its services: NOT_FOUND: nothing of that name"),
    "a long error": (
        without(failing(grpc.StatusCode.INTERNAL, "x" * 100_000)),
        f"has not listed its services: INTERNAL: {'x' * 200}",
    ),
    "not described": (
        describing(services=[ORDERS]),
        "has shop.v1.Orders, but does not describe it: NOT_FOUND: nothing of that name",
    ),
    "another file": (
        without(LISTED, sending(shop(package="other"))),
        "has shop.v1.Orders, but does not describe it: its answer is another",
    ),
    "a bad file": (without(LISTED, sending(b"\xff\xff")), "has sent a file that cannot be parsed"),
    "a name that is not UTF-8": (
        without(LISTED, sending(shop().SerializeToString().replace(b"shop/v1", b"shop/\xff1"))),
        "has described a name that cannot be printed",
    ),
    "an import that is not UTF-8": (
        without(LISTED, sending(shop(imports=["b.proto"]).SerializeToString().replace(b"b.proto", b"\xff.proto"))),
        "has described a name that cannot be printed",
    ),
    "a lacking import": (
        describing(shop(imports=["gone.proto"])),
        "shop/v1/shop.proto imports gone.proto, which it does not describe: NOT_FOUND: nothing of that name",
    ),
    "two contents": (
        without(LISTED, sending(shop(), shop("Cancel"))),
        "has sent shop/v1/shop.proto twice, with different content",
    ),
    "many bytes": (
        describing(
            shop("Place" * 3_000, imports=["b.proto"]), FileDescriptorProto(name="b.proto", package="b" * 6_000)
        ),
        "has described more than 20,000 bytes",
    ),
    "endless imports": (endless_imports(), "has described more than 5 files"),
    "many services": (lambda _: listing(*map(str, range(4))), "has more than 3 services"),
    "a long service": (lambda _: listing("a" * 513), "has a service with a name of more than 512 characters"),
    "many methods": (describing(shop(*map("M{}".format, range(51)))), "has described more than 50 methods"),
    "many definitions": (describing(wide(100)), "has described more than 100 definitions"),
    "deep": (describing(nested(30)), "has described a name of more than 512 characters or 32 words"),
    "a long name": (
        describing(shop(), shop(package="a" * 600), services=[ORDERS, f"{'a' * 500}.Orders", f"{'a' * 300}"]),
        f"has {'a' * 300}, but does not describe it: NOT_FOUND: nothing of that name",
    ),
    "a long package": (
        without(LISTED, sending(shop(package="a" * 600))),
        "has described a name of more than 512 characters or 32 words",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_what_is_wrong_with_an_answer_is_said_in_one_line(case: str) -> None:
    answer, expected = FAULTS[case]
    limits = replace(
        QUICK if case == "hangs" else PATIENT, size=20_000, files=5, services=3, methods=50, definitions=100
    )
    if case == "a long error":
        limits = replace(limits, size=200_000)
    assert await refusal(answer, limits) == expected


async def test_an_answer_that_is_too_large_is_not_read() -> None:
    limits = replace(PATIENT, size=20_000)
    assert (await refusal(lambda _: b"\0" * 30_000, limits)).startswith("RESOURCE_EXHAUSTED: ")


@pytest.mark.slow
async def test_answers_that_come_slowly_are_waited_for_only_so_long() -> None:
    imports = endless_imports()

    def slow(request: ServerReflectionRequest) -> ServerReflectionResponse | bytes | None:
        time.sleep(0.05)
        return imports(request)

    limits = ReflectionLimits(question_seconds=10, total_seconds=0.5)
    assert await refusal(slow, limits) == "has not described everything within 0.5 s"


@pytest.mark.slow
async def test_a_compressed_answer_is_bounded_by_what_it_expands_to() -> None:
    server = grpc.server(ThreadPoolExecutor(2), compression=grpc.Compression.Gzip)
    server.add_generic_rpc_handlers((_handler(lambda _: sending(b"\0" * 30_000_000)),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with pytest.raises(ReflectionError, match=r"^RESOURCE_EXHAUSTED: "):
        await reflect(ReflectionServer(f"127.0.0.1:{port}"), ReflectionLimits())
    server.stop(0).wait()


async def test_a_server_without_reflection_is_said_to_have_none() -> None:
    async with listener(Gateway(services=[])) as port:
        with pytest.raises(ReflectionError, match=r"^has no server reflection$"):
            await reflect(ReflectionServer(f"127.0.0.1:{port}"), PATIENT)


async def test_a_port_that_nobody_serves_is_unavailable() -> None:
    with pytest.raises(ReflectionError, match=r"^UNAVAILABLE: "):
        await reflect(ReflectionServer(f"127.0.0.1:{free_port()}"), PATIENT)


@pytest.mark.slow
async def test_a_server_that_accepts_and_says_nothing_is_waited_for_only_so_long() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await closed.wait()
        writer.close()

    closed = asyncio.Event()
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began = time.monotonic()
    with pytest.raises(ReflectionError, match=r"^has not answered within 0\.3 s$"):
        await reflect(ReflectionServer(f"127.0.0.1:{port}"), QUICK)
    assert time.monotonic() - began < 2
    closed.set()
    server.close()
    await server.wait_closed()


async def test_a_server_that_speaks_another_protocol_is_unavailable() -> None:
    async def rude(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n" * 1000)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(rude, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(ReflectionError, match=r"^UNAVAILABLE: |has not answered"):
        await reflect(ReflectionServer(f"127.0.0.1:{port}"), QUICK)
    server.close()
    await server.wait_closed()


# What is made of an answer.


def test_a_type_that_is_not_defined_is_refused() -> None:
    file = shop()
    file.service[0].method[0].input_type = ".shop.v1.Nothing"
    with pytest.raises(DescriptorSetError, match=r"^127\.0\.0\.1:1: shop/v1/shop\.proto is invalid: "):
        described(WHO, Reflection(frozenset({ORDERS}), (file.SerializeToString(),)))


def test_the_rules_of_a_message_are_left_out() -> None:
    file = shop()
    file.message_type[0].field[0].options.deprecated = True
    rule = validate_pb2.FieldRules(string=validate_pb2.StringRules(min_len=3))
    file.message_type[0].field[0].options.Extensions[validate_pb2.field].CopyFrom(rule)  # type: ignore[index]  # an extension
    service = described(WHO, Reflection(frozenset({ORDERS}), (file.SerializeToString(),))).services[ORDERS]
    field = service.methods[0].input_type.fields[0]
    assert field.GetOptions().SerializeToString() == FieldOptions(deprecated=True).SerializeToString()


WHOLE = shop("Place", "Cancel").SerializeToString()


@given(position=st.integers(0, len(WHOLE) - 1), new=st.binary(max_size=4), length=st.integers(0, 4))
def test_a_damaged_file_is_described_or_refused(position: int, new: bytes, length: int) -> None:
    damaged = WHOLE[:position] + new + WHOLE[position + length :]
    try:
        if missing_imports([FileDescriptorProto.FromString(damaged)]):
            return  # the client asks for them
    except DecodeError:
        return  # the client refuses it
    with suppress(DescriptorSetError):
        described(WHO, Reflection(frozenset({ORDERS}), (damaged,)))


GOOD = [listing(ORDERS), sending(shop(imports=["b.proto"])), sending(FileDescriptorProto(name="b.proto"))]


@given(
    damaged=st.lists(
        st.tuples(st.sampled_from(GOOD), st.floats(0, 1), st.binary(max_size=4), st.integers(0, 4)),
        min_size=3,
        max_size=6,
    )
)
async def test_damaged_answers_are_understood_or_refused(
    damaged: list[tuple[ServerReflectionResponse, float, bytes, int]],
) -> None:
    answers: list[ServerReflectionResponse | bytes] = []
    for good, place, new, length in damaged:
        whole = good.SerializeToString()
        position = int(place * len(whole))
        answers.append(whole[:position] + new + whole[position + length :])
    answers[0] = GOOD[0] if damaged[0][1] < 0.5 else answers[0]  # half of them get further
    with suppress(ReflectionError, DescriptorSetError):
        described(WHO, await asked(without(*answers)))

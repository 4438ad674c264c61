"""Following what servers describe: when they are asked, what stays known, and which of two that disagree counts."""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from actiond.api import reflected_services
from actiond.api.descriptor_sets import DescriptorSet, read_descriptor_sets
from actiond.api.known_methods import KnownMethods
from actiond.api.reflected_services import ReflectedServices
from actiond.api.reflection_client import Reflection, ReflectionError, ReflectionLimits, ReflectionServer
from actiond.api.schema import CurrentCatalogue
from tests.support.servers.ports import lasting_port
from tests.support.servers.reflecting import describing, reflecting, shop
from tests.support.waiting import async_until

A, B = ReflectionServer("a:1"), ReflectionServer("b:1")
AGAIN = ". It is asked again until that changes."
KEPT = "What it described before stays known."


def answer_of(*files: FileDescriptorProto) -> Reflection:
    services = frozenset(f"{file.package}.{service.name}" for file in files for service in file.service)
    return Reflection(services, tuple(file.SerializeToString() for file in files))


class Servers:
    """Stands in for servers: what each answers now, or its error, and how often it was asked."""

    def __init__(self, answers: Mapping[ReflectionServer, Reflection | Exception]) -> None:
        self.answers = dict(answers)
        self.asked = dict.fromkeys(answers, 0)

    async def __call__(self, server: ReflectionServer, _limits: ReflectionLimits) -> Reflection:
        self.asked[server] += 1
        answer = self.answers[server]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflected_services, "MIN_DELAY", 0.02)
    monkeypatch.setattr(reflected_services, "MAX_DELAY", 0.1)
    monkeypatch.setattr(reflected_services, "START_SECONDS", 20.0)


class Following:
    """The part, and what is known by it."""

    def __init__(self, part: ReflectedServices, known: KnownMethods) -> None:
        self.part = part
        self.known = known

    def methods(self) -> set[str]:
        return {
            f"/{service.full_name}/{method.name}" for service in self.known.services() for method in service.methods
        }


@asynccontextmanager
async def following(servers: Servers, sets: list[DescriptorSet] | None = None) -> AsyncIterator[Following]:
    known = KnownMethods([], sets or [])
    part = ReflectedServices(servers.answers, known, sets or [], ask=servers)
    await part.start()
    yield Following(part, known)
    await part.close()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    caplog.set_level(logging.INFO)
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(f"{record.levelname} {record.getMessage()}")  # type: ignore[method-assign]
    handler.setLevel(logging.INFO)
    logger = logging.getLogger(reflected_services.__name__)
    logger.addHandler(handler)
    yield found
    logger.removeHandler(handler)


def written(path: Path, *files: FileDescriptorProto) -> list[DescriptorSet]:
    path.write_bytes(FileDescriptorSet(file=files).SerializeToString())
    return read_descriptor_sets([path])


async def test_what_a_server_describes_is_known_after_the_start_and_logged(lines: list[str]) -> None:
    async with following(Servers({A: answer_of(shop("Place", "Cancel"))})) as it:
        assert it.methods() == {"/shop.v1.Orders/Place", "/shop.v1.Orders/Cancel"}
    assert lines == ["INFO reflection of a:1: services: 1, methods: 2"]


async def test_a_server_that_fails_is_a_warning_and_is_asked_until_it_answers(lines: list[str]) -> None:
    servers = Servers({A: ReflectionError("UNAVAILABLE: refused"), B: answer_of(shop(package="b"))})
    async with following(servers) as it:
        assert it.methods() == {"/b.Orders/Place"}
        await async_until(lambda: servers.asked[A] > 3, "it is asked again")
        servers.answers[A] = answer_of(shop(package="a"))
        await async_until(lambda: len(it.methods()) == 2, "it is known")
        assert servers.asked[B] == 1
    assert [line for line in lines if "a:1" in line] == [
        f"WARNING reflection of a:1: UNAVAILABLE: refused{AGAIN}",
        "INFO reflection of a:1: services: 1, methods: 1",
    ]


async def test_each_reason_is_logged_once(lines: list[str]) -> None:
    servers = Servers({A: ReflectionError("one")})
    async with following(servers):
        await async_until(lambda: servers.asked[A] > 2, "it is asked again")
        servers.answers[A] = ReflectionError("two")
        asked = servers.asked[A]
        await async_until(lambda: servers.asked[A] > asked + 2, "it is asked again")
    assert lines == [f"WARNING reflection of a:1: {reason}{AGAIN}" for reason in ("one", "two")]


@pytest.mark.slow
async def test_the_time_between_questions_grows_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []

    class Timed(Servers):
        async def __call__(self, server: ReflectionServer, limits: ReflectionLimits) -> Reflection:
            times.append(time.monotonic())
            return await super().__call__(server, limits)

    monkeypatch.setattr(random, "uniform", lambda _least, most: most)
    async with following(Timed({A: ReflectionError("no")})):
        await async_until(lambda: len(times) > 6, "it is asked again")
    between = [later - earlier for earlier, later in pairwise(times)]
    for waited, least in zip(between, [0.02, 0.04, 0.08, 0.1, 0.1, 0.1], strict=False):
        assert waited > least - 0.01


@pytest.mark.slow
async def test_a_start_does_not_wait_long_for_servers_that_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflected_services, "START_SECONDS", 0.3)

    class Hanging(Servers):
        async def __call__(self, server: ReflectionServer, limits: ReflectionLimits) -> Reflection:
            if server is A:
                await asyncio.sleep(60)
            return await super().__call__(server, limits)

    began = time.monotonic()
    async with following(Hanging({A: answer_of(), B: answer_of(shop())})) as it:
        assert 0.2 < time.monotonic() - began < 10
        await async_until(lambda: it.methods() == {"/shop.v1.Orders/Place"}, "the other one is known")
    assert time.monotonic() - began < 10


async def test_a_reload_replaces_what_a_server_described() -> None:
    servers = Servers({A: answer_of(shop("Place"))})
    async with following(servers) as it:
        catalogue = CurrentCatalogue(it.known, (), ())
        assert catalogue().methods == {"/shop.v1.Orders/Place"}
        first = it.known.find("/shop.v1.Orders/Place")
        servers.answers[A] = answer_of(shop("Cancel"))
        it.part.reload()
        await async_until(lambda: catalogue().methods == {"/shop.v1.Orders/Cancel"}, "the new methods are known")
        assert it.known.find("/shop.v1.Orders/Place") is None
        # A call that has found the method before goes on with it.
        assert first is not None
        assert first.request_class(id="1").SerializeToString() == b"\n\x011"


async def test_the_same_answer_changes_nothing(lines: list[str]) -> None:
    servers = Servers({A: answer_of(shop())})
    async with following(servers) as it:
        found, revision = it.known.find("/shop.v1.Orders/Place"), it.known.revision
        it.part.reload()
        await async_until(lambda: len(lines) == 2, "it has answered again")
        assert it.known.find("/shop.v1.Orders/Place") is found
        assert it.known.revision == revision


async def test_a_server_that_fails_at_a_reload_keeps_what_it_described(lines: list[str]) -> None:
    servers = Servers({A: answer_of(shop())})
    async with following(servers) as it:
        servers.answers[A] = ReflectionError("has not answered within 5 s")
        it.part.reload()
        await async_until(lambda: servers.asked[A] > 3, "it is asked again")
        assert it.methods() == {"/shop.v1.Orders/Place"}
    assert lines[1:] == [f"WARNING reflection of a:1: has not answered within 5 s{AGAIN} {KEPT}"]


async def test_each_reload_warns_anew(lines: list[str]) -> None:
    servers = Servers({A: ReflectionError("no")})
    async with following(servers) as it:
        it.part.reload()
        await async_until(lambda: len(lines) == 2, "another warning")


@pytest.mark.parametrize("failure", [ValueError("bad\nvalue"), RecursionError(), KeyError("x")])
async def test_whatever_goes_wrong_is_a_warning(failure: Exception, lines: list[str]) -> None:
    async with following(Servers({A: failure})):
        pass
    name = type(failure).__name__
    assert lines == [f"WARNING reflection of a:1: has answered with something that cannot be used: {name}{AGAIN}"]


async def test_types_that_cannot_be_built_are_a_warning(lines: list[str]) -> None:
    file = shop()
    file.service[0].method[0].input_type = ".nothing"
    async with following(Servers({A: answer_of(file)})) as it:
        assert it.methods() == set()
    assert lines[0].startswith("WARNING reflection of a:1: shop/v1/shop.proto is invalid: ")


async def test_a_descriptor_set_wins_against_a_server(tmp_path: Path, lines: list[str]) -> None:
    path = tmp_path / "shop.binpb"
    async with following(Servers({A: answer_of(shop(field="number"))}), written(path, shop())) as it:
        found = it.known.find("/shop.v1.Orders/Place")
        assert found is not None
        assert [field.name for field in found.request_class.DESCRIPTOR.fields] == ["id"]
    assert lines == [f"WARNING reflection of a:1: defines shop.v1.Order differently than {path} does{AGAIN}"]


async def test_a_server_may_describe_the_same_as_a_descriptor_set(tmp_path: Path, lines: list[str]) -> None:
    file = shop()
    file.message_type[0].field[0].json_name = "id"  # protoc adds these, reflection in Python does not
    async with following(Servers({A: answer_of(shop())}), written(tmp_path / "shop.binpb", file)) as it:
        assert it.methods() == {"/shop.v1.Orders/Place"}
    assert lines == ["INFO reflection of a:1: services: 1, methods: 1"]


@pytest.mark.parametrize("late", [A, B])
async def test_of_two_servers_that_disagree_the_first_one_counts_whichever_answers_first(
    late: ReflectionServer, lines: list[str]
) -> None:
    answers: dict[ReflectionServer, Reflection | Exception] = {
        A: answer_of(shop()),
        B: answer_of(shop("Cancel"), shop(package="b")),
    }
    servers = Servers(answers | {late: ReflectionError("late")})
    async with following(servers) as it:
        servers.answers = answers
        await async_until(lambda: it.methods() == {"/shop.v1.Orders/Place"}, "only A's methods are known")
        expected = "WARNING reflection of b:1: defines shop.v1.Orders differently than a:1 does"
        await async_until(lambda: any(line.startswith(expected) for line in lines), "the warning")


async def test_two_servers_may_change_what_they_share_one_after_the_other() -> None:
    old, new = [shop(), shop(field="number")]
    servers = Servers({A: answer_of(old), B: answer_of(old, shop(package="b"))})
    async with following(servers) as it:
        servers.answers[A] = answer_of(new)
        it.part.reload()
        # B is asked again meanwhile: what it described disagrees now.
        await async_until(lambda: it.methods() == {"/shop.v1.Orders/Place"}, "B is refused")
        servers.answers[B] = answer_of(new, shop(package="b"))
        await async_until(lambda: len(it.methods()) == 2, "B is known again")
        found = it.known.find("/shop.v1.Orders/Place")
        assert found is not None
        assert [field.name for field in found.request_class.DESCRIPTOR.fields] == ["number"]


async def test_a_server_whose_new_answer_is_refused_keeps_the_old_one() -> None:
    servers = Servers({A: answer_of(shop()), B: answer_of(shop(package="b"))})
    async with following(servers) as it:
        servers.answers[B] = answer_of(shop(package="b"), shop("Other"))
        it.part.reload()
        await async_until(lambda: servers.asked[B] > 2, "B is asked again")
        assert it.methods() == {"/shop.v1.Orders/Place", "/b.Orders/Place"}


async def test_a_real_server_that_starts_later_and_restarts_is_followed() -> None:
    port = lasting_port()
    known = KnownMethods([], [])
    part = ReflectedServices([ReflectionServer(f"127.0.0.1:{port}")], known, [])
    it = Following(part, known)
    await part.start()
    assert it.methods() == set()
    with reflecting(describing(shop()), port):
        await async_until(lambda: it.methods() == {"/shop.v1.Orders/Place"}, "it is known")
    with reflecting(describing(shop("Cancel")), port):
        part.reload()
        await async_until(lambda: it.methods() == {"/shop.v1.Orders/Cancel"}, "it is known anew")
    await part.close()

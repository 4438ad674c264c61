"""The settings of an interceptor, and what is sent of a call."""

import asyncio
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import grpc
import pytest

from actiond.api import method_executions
from actiond.api.ext_proc import headers
from actiond.client import ActionsInterceptor, Client, User, aio
from actiond.client.interceptors import settings
from tests.client.shop import FLAVOURS, Handled, Outcome, ThreadsShop, begin, call, handlers, order, raw, serve
from tests.support.servers.actions_double import TOKEN, ActionsDouble, changed_response, unchanged_request
from tests.support.waiting import until


def threads(**given: Any) -> object:
    return ActionsInterceptor(grpc.insecure_channel("127.0.0.1:1"), **{"token": TOKEN, **given})


async def tasks(**given: Any) -> object:
    return aio.ActionsInterceptor(grpc.aio.insecure_channel("127.0.0.1:1"), **{"token": TOKEN, **given})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"budget": 0}, "budget is 0; it must be a number of seconds above 0"),
        ({"budget": -1.0}, "budget is -1.0; it must be a number of seconds above 0"),
        ({"budget": float("nan")}, "budget is nan; it must be a number of seconds above 0"),
        ({"budget": float("inf")}, "budget is inf; it must be a number of seconds above 0"),
        ({"headers": "x-tenant"}, "headers is one string; it must be a collection of names"),
        ({"skip": "shop.v1.Shop"}, "skip is one string; it must be a collection of names"),
        (
            {"headers": ["x-a", "Authorization", "cookie"]},
            "headers names authorization, cookie, which may hold a secret and is never sent",
        ),
        ({"headers": ["trace-bin"]}, "headers names trace-bin; only headers with text can be sent"),
        ({"token": ""}, "token is empty, or has characters that cannot be sent"),
        ({"token": "secret\n"}, "token is empty, or has characters that cannot be sent"),
        ({"token": "sécret"}, "token is empty, or has characters that cannot be sent"),
    ],
)
async def test_a_setting_that_makes_no_sense_is_refused_by_name(given: dict[str, Any], message: str) -> None:
    exactly = f"^{re.escape(message)}$"
    with pytest.raises(ValueError, match=exactly):
        threads(**given)
    with pytest.raises(ValueError, match=exactly):
        await tasks(**given)


def test_the_headers_that_are_always_and_never_sent_are_actionds() -> None:
    of_server = (vars(headers)["SHOWN_HEADERS"], vars(method_executions)["SECRET_HEADERS"])
    assert (vars(settings)["SHOWN_HEADERS"], vars(settings)["SECRET_HEADERS"]) == of_server


METADATA = (
    ("origin", "https://a.example"),
    ("x-forwarded-for", "192.0.2.1"),  # of several, gRPC itself keeps the last one
    ("authorization", "Bearer of the service"),
    ("cookie", "a=b"),
    ("x-tenant", "b"),
    ("x-other", "c"),
    ("x-other", "d"),
    ("trace-bin", b"\x00"),
)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_headers_are_sent_by_name_and_no_other(flavour: str) -> None:
    def sent(**given: Any) -> dict[str, list[str]]:
        with ActionsDouble(unchanged_request) as actiond, serve(flavour, actiond.target, **given) as shop:
            assert call(shop.target, "Place", metadata=METADATA) == Outcome(("handled tea",))
        return {name: list(values.values) for name, values in actiond.asked[0].call.headers.items()}

    always = {"origin": ["https://a.example"], "x-forwarded-for": ["192.0.2.1"]}
    named = {**always, "x-other": ["c", "d"]}
    assert sent(headers=["X-Other", "missing"]) == named
    assert sent(headers=[]) == always
    everything = sent()
    assert everything.pop("user-agent")
    assert everything == {**named, "x-tenant": ["b"]}


def named(_context: Any) -> User:
    return User("ann", "an-organization")


def paired(context: Any) -> tuple[str, str]:
    return dict(context.invocation_metadata())["x-tenant"], ""


async def named_later(_context: Any) -> User:
    return User("ann", "an-organization")


def unknown(_context: Any) -> None:
    return None


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize(
    ("user", "expected"),
    [
        (None, ("", "")),
        (named, ("ann", "an-organization")),
        (paired, ("b", "")),
        (named_later, ("ann", "an-organization")),
        (unknown, ("", "")),
    ],
)
def test_the_user_is_who_the_service_says(
    flavour: str, user: Callable[[Any], Any] | None, expected: tuple[str, str]
) -> None:
    if flavour == "threads" and user is named_later:
        pytest.skip("a server of threads has no event loop")
    with ActionsDouble(unchanged_request) as actiond, serve(flavour, actiond.target, user=user) as shop:
        assert call(shop.target, "Place", metadata=METADATA) == Outcome(("handled tea",))
    described = actiond.asked[0].call
    assert (described.user_id, described.org_id) == expected


REFUSED = Outcome((), grpc.StatusCode.UNAVAILABLE, "actions are unavailable")


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("fail_open", [False, True])
@pytest.mark.parametrize(
    ("returned", "what"),
    [
        ("bo", "a value of type str"),
        (b"ann", "a value of type bytes"),
        (["ann", "an-organization"], "a value of type list"),
        (7, "a value of type int"),
        (("ann",), "a tuple of length 1"),
        (("ann", "an-organization", "more"), "a tuple of length 3"),
        ((7, ""), "a pair whose id is a value of type int"),
        (User("ann", None), "a pair whose org_id is a value of type NoneType"),  # type: ignore[arg-type]  # is refused
        (("\ud800", ""), "a pair whose id has a lone surrogate"),
    ],
)
def test_a_user_that_is_no_pair_of_strings_lets_no_call_pass(
    flavour: str, fail_open: bool, returned: Any, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        ActionsDouble(unchanged_request) as actiond,
        serve(flavour, actiond.target, user=lambda _: returned, fail_open=fail_open) as shop,
    ):
        assert call(shop.target, "Place") == REFUSED
        assert shop.interceptor.counts.refused == 1
    assert (shop.handled.items, actiond.asked) == ([], [])
    assert f"user returns {what}; it must return a User, a pair of strings, or None" in caplog.text


def fails(_context: Any) -> User:
    raise LookupError("no such user as Ann")


async def fails_later(_context: Any) -> User:
    raise LookupError("no such user as Ann")


def fails_like_abort(_context: Any) -> User:
    raise Exception  # noqa: TRY002  # what grpcio's abort raises


def finds_no_header(context: Any) -> User:
    return User(next(str(value) for key, value in context.invocation_metadata() if key == "x-missing"))


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("method", ["Place", "Chat"])
@pytest.mark.parametrize("fail_open", [False, True])
@pytest.mark.parametrize(
    ("user", "error"),
    [
        (fails, LookupError),
        (fails_later, LookupError),
        (fails_like_abort, Exception),
        (finds_no_header, StopIteration),
    ],
)
def test_an_error_of_the_function_that_names_the_user_lets_no_call_pass_and_is_logged_once_with_its_traceback(
    flavour: str,
    method: str,
    fail_open: bool,
    user: Callable[[Any], Any],
    error: type[Exception],
    caplog: pytest.LogCaptureFixture,
) -> None:
    if flavour == "threads" and user is fails_later:
        pytest.skip("a server of threads has no event loop")
    with (
        ActionsDouble(unchanged_request) as actiond,
        serve(flavour, actiond.target, user=user, fail_open=fail_open, streams=True) as shop,
    ):
        assert [call(shop.target, method) for _ in range(2)] == [REFUSED, REFUSED]
    assert (shop.handled.items, actiond.asked) == ([], [])
    (line,) = (record for record in caplog.records if record.name == "actiond.client")
    assert line.getMessage().endswith(f"the call is refused: 'user raises {error.__name__}'")
    assert line.exc_info is not None
    assert line.exc_info[0] is error
    assert line.exc_info[2] is not None


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("method", ["Place", "Chat"])
@pytest.mark.parametrize("fail_open", [False, True])
def test_the_function_that_names_the_user_may_end_the_call(
    flavour: str, method: str, fail_open: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def refuses(context: Any) -> Any:
        # A coroutine in the event loop, a call on a thread.
        return context.abort(grpc.StatusCode.UNAUTHENTICATED, "who is it?")

    with (
        ActionsDouble(unchanged_request) as actiond,
        serve(flavour, actiond.target, user=refuses, fail_open=fail_open, streams=True) as shop,
    ):
        outcome = call(shop.target, method)
        assert shop.interceptor.counts.refused == 0
    assert (outcome.code, outcome.message) == (grpc.StatusCode.UNAUTHENTICATED, "who is it?")
    assert (shop.handled.items, actiond.asked) == ([], [])
    assert not [record for record in caplog.records if record.name == "actiond.client"]


@pytest.mark.parametrize("made", [ActionsInterceptor, Client])
def test_a_channel_of_the_event_loop_is_refused_by_what_runs_on_threads(made: Any) -> None:
    async def make() -> None:
        async with grpc.aio.insecure_channel("127.0.0.1:1") as channel:
            made(channel, token=TOKEN)

    name = made.__name__
    with pytest.raises(TypeError, match=rf"^channel is one of grpc\.aio; .*actiond\.client\.aio\.{name} this one$"):
        asyncio.run(make())


@pytest.mark.parametrize("made", [aio.ActionsInterceptor, aio.Client])
async def test_a_channel_of_threads_is_refused_by_what_runs_in_the_event_loop(made: Any) -> None:
    name = made.__name__
    with (
        grpc.insecure_channel("127.0.0.1:1") as channel,
        pytest.raises(TypeError, match=rf"^channel is one of grpc; .*actiond\.client\.{name} this one$"),
    ):
        made(channel, token=TOKEN)


def test_a_server_of_threads_with_an_interceptor_of_the_event_loop_ends_calls_and_says_why(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def make() -> Any:
        return await tasks()

    handled = Handled()
    with ThreadPoolExecutor() as pool:
        server = grpc.server(pool, [handlers(ThreadsShop(handled))], [asyncio.run(make())])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            assert call(f"127.0.0.1:{port}", "Place").code is grpc.StatusCode.UNKNOWN
        finally:
            server.stop(None).wait()
    assert handled.items == []
    assert "a server of grpc takes actiond.client.ActionsInterceptor" in caplog.text


def test_a_handler_keeps_its_attributes() -> None:
    """grpcio looks for a thread pool of a handler's own there."""
    with ThreadPoolExecutor() as pool, grpc.insecure_channel("127.0.0.1:1") as channel:

        def place(_request: Any, _context: Any) -> None: ...

        place.experimental_thread_pool = pool  # type: ignore[attr-defined]
        handler: Any = grpc.unary_unary_rpc_method_handler(place)
        details = type("Details", (), {"method": "/shop.v1.Shop/Place"})
        interceptor = ActionsInterceptor(channel, token=TOKEN)
        wrapped = interceptor.intercept_service(lambda _: handler, details)
        assert wrapped is not handler
        assert wrapped.unary_unary.experimental_thread_pool is pool
        assert interceptor.intercept_service(lambda _: handler, details) is wrapped


def test_an_unknown_method_stays_unknown() -> None:
    with (
        ActionsDouble() as actiond,
        serve("threads", actiond.target) as shop,
        grpc.insecure_channel(shop.target) as channel,
    ):
        with pytest.raises(grpc.RpcError) as caught:
            begin(channel, "Place", order("tea"), path="/shop.v1.Shop/Steal").result()
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert actiond.asked == []


def test_the_health_of_a_service_is_not_asked_about() -> None:
    assert {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"} <= set(settings.SKIPPED_SERVICES)


def test_a_handler_that_sends_by_itself_is_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A handler of a stream of responses that is `experimental_non_blocking` gets a function to send them."""

    def follow(_shop: object, request: Any, _context: Any, send: Callable[[Any], None]) -> None:
        send(order(f"handled {request.item}"))
        send(None)

    follow.experimental_non_blocking = True  # type: ignore[attr-defined]
    monkeypatch.setattr(ThreadsShop, "Follow", follow)
    with ActionsDouble() as actiond, serve("threads", actiond.target, streams=True) as shop:
        assert call(shop.target, "Follow") == Outcome(("handled tea",))
        actiond.set_response(changed_response(raw("sold out")))
        until(lambda: call(shop.target, "Follow") == Outcome(("sold out",)), "the execution is seen")


def test_a_handler_that_reads_on_another_thread_has_all_it_waits_for_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    def chat(_shop: object, requests: Any, _context: Any) -> Any:
        def read() -> None:
            with suppress(Exception):
                list(requests)

        reader = threading.Thread(target=read)
        reader.start()
        yield order("at once")
        reader.join()

    monkeypatch.setattr(ThreadsShop, "Chat", chat)
    running, ended = threading.Semaphore(0), threading.Semaphore(0)

    def hangs(_request: Any, context: Any) -> Any:
        over = threading.Event()
        context.add_callback(over.set)
        running.release()
        if over.wait(15):
            ended.release()
        context.abort(grpc.StatusCode.INTERNAL, "it is over")

    with (
        ActionsDouble(hangs, hangs) as actiond,
        serve("threads", actiond.target, streams=True, budget=20) as shop,
        grpc.insecure_channel(shop.target) as channel,
    ):
        chatting = begin(channel, "Chat", iter([order("tea")]))
        assert running.acquire(timeout=15)
        assert running.acquire(timeout=15)
        chatting.cancel()
        assert ended.acquire(timeout=15)
        assert ended.acquire(timeout=15)

"""A gateway that cannot serve what it is given says so when it is made, and names the culprit."""

import re
import socket
import ssl
from collections.abc import Callable
from typing import Any

import grpc
import pytest

import rpcfront
from rpcfront import Gateway, ServiceError
from tests.support.protos import compile_proto
from tests.support.services import echo

HEAD = """
syntax = "proto3";
package bad.v1;
import "google/api/annotations.proto";
message M { string id = 1; repeated string tags = 2; M inner = 3; }
"""


class Servicer:
    """Has a method of every name."""

    def __getattr__(self, name: str) -> Any:
        return lambda request, context: request


def gateway(methods: str) -> Gateway:
    pool = compile_proto(HEAD + "service S { " + methods + " }")
    return Gateway(services=[(pool.FindServiceByName("bad.v1.S"), Servicer())])


@pytest.mark.parametrize(
    ("methods", "fault"),
    [
        (
            'rpc A(stream M) returns (M) { option (google.api.http) = { post: "/a" body: "*" }; }',
            "bad.v1.S.A: a stream of requests cannot be transcoded",
        ),
        ('rpc A(M) returns (M) { option (google.api.http) = { get: "/a/{nope}" }; }', "bad.v1.S.A.*nope"),
        ('rpc A(M) returns (M) { option (google.api.http) = { get: "/a/{tags}" }; }', "bad.v1.S.A.*tags"),
        ('rpc A(M) returns (M) { option (google.api.http) = { get: "no slash" }; }', "bad.v1.S.A.*no slash"),
        ('rpc A(M) returns (M) { option (google.api.http) = { post: "/a" body: "nope" }; }', "bad.v1.S.A.*nope"),
        (
            """
            rpc A(M) returns (M) { option (google.api.http) = { get: "/a/{id}" }; }
            rpc B(M) returns (M) { option (google.api.http) = { get: "/a/{inner.id}" }; }
            """,
            "bad.v1.S.B .* collides with bad.v1.S.A",
        ),
    ],
)
def test_a_bad_proto_is_refused_by_name(methods: str, fault: str) -> None:
    with pytest.raises(ServiceError, match=fault):
        gateway(methods)


def test_a_servicer_may_lack_a_method_with_a_stream_of_requests_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pool = compile_proto(HEAD + "service S { rpc A(stream M) returns (M); }")
    assert Gateway(services=[(pool.FindServiceByName("bad.v1.S"), object())])
    assert "bad.v1.S.A is not served: object has no such method" in caplog.text


def test_a_servicer_without_a_method_is_refused_by_name() -> None:
    with pytest.raises(ServiceError, match=r"echo\.v1\.Echo\.Say: object has no method of this name"):
        Gateway(services=[(echo.service(), object())])


def test_a_service_given_twice_is_refused_by_name() -> None:
    with pytest.raises(ServiceError, match=r"echo\.v1\.Echo\.Say: the service is given twice"):
        Gateway(services=[(echo.service(), echo.AsyncEcho()), (echo.service(), echo.AsyncEcho())])


@pytest.mark.parametrize("path", ["/bad.v1.S/A", "/alive"])
def test_a_route_that_no_request_would_reach_is_refused_by_name(path: str) -> None:
    async def alive() -> None:
        """All is well."""

    pool = compile_proto(
        HEAD + f'service S {{ rpc A(M) returns (M) {{ option (google.api.http) = {{ get: "{path}" }}; }} }}'
    )
    with pytest.raises(ServiceError, match=rf"bad\.v1\.S\.A \(GET {path}\) collides"):
        Gateway(services=[(pool.FindServiceByName("bad.v1.S"), Servicer())], probes={"/alive": alive})


def test_services_of_two_pools_whose_files_have_one_name_are_served_together() -> None:
    other = compile_proto(HEAD.replace("bad.v1", "good.v1") + "service S { rpc A(M) returns (M); }")
    one = compile_proto(HEAD + "service S { rpc A(M) returns (M); }")
    services = [(one.FindServiceByName("bad.v1.S"), Servicer()), (other.FindServiceByName("good.v1.S"), Servicer())]
    assert Gateway(services=services)


ECHO = (echo.service(), echo.AsyncEcho())
untyped: Any = rpcfront
"""Takes what a type checker would refuse, as in a program without types."""


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: untyped.Gateway(services=[ECHO, echo]),
            "services[1] must be a pair of a service's descriptor and a servicer",
        ),
        (lambda: untyped.Gateway(services=[(echo, ECHO[1])]), "services[0][0] must be ServiceDescriptor, not module"),
        (
            lambda: untyped.Gateway([ECHO], limits=untyped.ConnectionLimits()),
            "limits must be Limits or None, not ConnectionLimits",
        ),
        (lambda: untyped.Gateway([ECHO], cors="*"), "cors must be Cors or None, not str"),
        (lambda: untyped.Gateway([ECHO], openapi=True), "openapi must be Info or None, not bool"),
        (
            lambda: untyped.Gateway([(ECHO[0], echo.AsyncEcho)]),
            "services[0][1] is the class AsyncEcho; give an instance of it",
        ),
        (lambda: untyped.Gateway([ECHO], authenticate="x"), "authenticate must be a function, not str"),
        (lambda: untyped.Gateway([ECHO], translate=5), "translate must be a function, not int"),
        (lambda: untyped.Gateway([ECHO], success_code=201), "success_code must be a function, not int"),
        (lambda: untyped.Gateway([ECHO], probes=["/x"]), "probes must be Mapping, not list"),
        (lambda: untyped.Gateway([ECHO], probes={"/x": 1}), "probes['/x'] must be a function, not int"),
        (lambda: untyped.Gateway([ECHO], handlers={"/x": None}), "handlers['/x'] must be a function, not NoneType"),
        (
            lambda: untyped.Gateway([ECHO], interceptors=print),
            "interceptors must be a list, not builtin_function_or_method",
        ),
        (lambda: untyped.Gateway([ECHO], interceptors=[object()]), "interceptors[0] must be a function, not object"),
        (
            lambda: untyped.Gateway([ECHO], observers=[object()]),
            "observers[0].started must be a function, not NoneType",
        ),
        (lambda: untyped.from_grpc_aio(object()), "intercept_service must be a function, not NoneType"),
        (
            lambda: untyped.from_grpc_aio(grpc.aio.ServerInterceptor),
            "ServerInterceptor is a class; give an instance of it",
        ),
        (lambda: untyped.reflection_services([ECHO]), "services[0] must be ServiceDescriptor, not tuple"),
        (lambda: untyped.Cors("https://a.example"), "origins must be a list, not str"),
        (
            lambda: untyped.Cors(frozenset({"a.example"})),
            "'a.example' is not an origin: scheme://host[:port], in small letters, without a path",
        ),
        (
            lambda: untyped.Cors(frozenset({"https://a/"})),
            "'https://a/' is not an origin: scheme://host[:port], in small letters, without a path",
        ),
        (lambda: untyped.Limits(threads=0), "threads must be 1 or more, not 0"),
        (lambda: untyped.Limits(message_bytes="1 MB"), "message_bytes must be int, not str"),
        (lambda: untyped.Limits(message_bytes=1e6), "message_bytes must be int, not float"),
        (lambda: untyped.Limits(concurrent_calls=-1), "concurrent_calls must be 0 or more, not -1"),
        (lambda: untyped.Limits(read_seconds=0), "read_seconds must be more than 0, not 0"),
        (lambda: untyped.ConnectionLimits(head_seconds=float("nan")), "head_seconds must be more than 0, not nan"),
        (lambda: untyped.ConnectionLimits(streams=None), "streams must be int, not NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_argument_of_a_wrong_kind_is_refused_by_name(make: Callable[[], object], text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(text)}$"):
        make()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"ssl": "server.pem"}, "ssl must be SSLContext or TlsFiles or TlsReloader or None, not str"),
        ({"ssl": ssl.create_default_context()}, "ssl is a context for clients; make it with ssl.PROTOCOL_TLS_SERVER"),
        ({"port": 70_000}, "port must be from 0 to 65535, not 70000"),
        ({"port": "80"}, "port must be int, not str"),
        ({"host": 8000}, "host must be str, not int"),
        ({"port": 1, "sock": socket.socket()}, "a server listens on sock or on port, not on both"),
        ({"limits": rpcfront.Limits()}, "limits must be ConnectionLimits or None, not Limits"),
        ({"trusted_proxies": "10.0.0.0/8"}, "trusted_proxies must be a list of networks, not one string"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "10.0.0.1/8 has host bits set"),
        ({"trusted_proxies": ["proxy.example"]}, "'proxy.example' does not appear to be an IPv4 or IPv6 network"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_argument_of_a_wrong_kind_to_listen_is_refused_by_name(arguments: Any, text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{re.escape(text)}$"):
        await Gateway([ECHO]).listen(**arguments)


@pytest.mark.parametrize(
    ("grace", "text"), [("10", "grace must be int or float, not str"), (-1, "grace must be 0 or more")]
)
def test_a_grace_period_of_no_meaning_is_refused_before_it_is_needed(grace: Any, text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        Gateway([ECHO]).run(grace=grace)


async def test_an_address_that_cannot_be_listened_on_is_named() -> None:
    server = await Gateway([ECHO]).listen()
    with pytest.raises(OSError, match=rf"^\[Errno \d+\] cannot listen on 127\.0\.0\.1:{server.port}: .*in use"):
        await Gateway([ECHO]).listen(port=server.port)
    await server.drain(0)


class Yielding:
    async def A(self, request: Any, context: Any) -> Any:
        yield request


class Narrow:
    async def A(self, request: Any) -> Any:
        return request


@pytest.mark.parametrize(
    ("servicer", "text"),
    [
        (Yielding(), "bad.v1.S.A: a method with one response must return it, not yield"),
        (Narrow(), r"bad.v1.S.A: the method of Narrow must take \(request, context\)"),
    ],
)
def test_a_method_that_no_call_could_use_is_refused_by_name(servicer: object, text: str) -> None:
    pool = compile_proto(HEAD + "service S { rpc A(M) returns (M); }")
    with pytest.raises(ServiceError, match=text):
        Gateway(services=[(pool.FindServiceByName("bad.v1.S"), servicer)])


@pytest.mark.parametrize("code", [99, 304, "201", None])
def test_a_success_code_that_is_none_is_refused_by_name(code: Any) -> None:
    with pytest.raises(ServiceError, match=r"echo.v1.Echo.*: success_code must be from 200 to 299"):
        Gateway([ECHO], success_code=lambda _: code)


async def test_run_in_an_event_loop_says_what_to_use() -> None:
    with pytest.raises(RuntimeError, match="in a coroutine, use"):
        Gateway([ECHO]).run()

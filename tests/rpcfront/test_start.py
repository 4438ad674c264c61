"""A gateway that cannot serve what it is given says so when it is made, and names the culprit."""

from typing import Any

import pytest

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

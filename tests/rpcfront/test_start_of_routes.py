"""A gateway is not made of routes that cannot be served: it names the method and the fault."""

from typing import Any

import pytest

from rpcfront import Gateway, ServiceError
from tests.support.protos import compile_proto

HEAD = """
syntax = "proto3";
package bad.v1;
import "google/api/annotations.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
message M {
  string id = 1; string name = 2; repeated string tags = 3; M inner = 4; repeated M all = 5;
  map<string, string> map = 6;
  google.protobuf.Timestamp time = 7; google.protobuf.Struct struct = 8; string other = 9 [json_name = "another"];
}
"""


class Servicer:
    """Has a method of every name."""

    def __getattr__(self, name: str) -> Any:
        return lambda request, context: request


def gateway(*rules: str) -> Gateway:
    """A gateway for a service whose methods A, B, ... have these rules."""
    methods = [
        f"rpc {chr(ord('A') + index)}(M) returns (M) {{ option (google.api.http) = {{ {rule} }}; }}"
        for index, rule in enumerate(rules)
    ]
    pool = compile_proto(HEAD + "service S { " + "\n".join(methods) + " }")
    return Gateway(services=[(pool.FindServiceByName("bad.v1.S"), Servicer())])


@pytest.mark.parametrize(
    "template",
    [
        "a",
        "//",
        "/a/",
        "/a//b",
        "/{id",
        "/id}",
        "/{}",
        "/{id=}",
        "/{id={name}}",
        "/{id}{name}",
        "/a{id}",
        "/**/a",
        "/{id=**}/a",
        "/{id=**}/{name=**}",
        "/***",
        "/a:",
        "/a:b/c",
        "/:a",
        "/{1d}",
        "/{inner..id}",
        "/%zz",
        "/a?b",
        "/a b",
    ],
)
def test_a_template_that_is_none_is_refused(template: str) -> None:
    with pytest.raises(ServiceError, match=r"^bad\.v1\.S\.A: google\.api\.http: "):
        gateway(f'get: "{template}"')


@pytest.mark.parametrize(
    "variable",
    [
        "nope",
        "inner.nope",
        "id.x",
        "tags",
        "inner.tags",
        "map",
        "map.key",
        "inner",
        "struct",
        "struct.a",
        "all.id",
        "time.seconds",
    ],
)
def test_a_variable_that_names_no_field_for_one_text_is_refused(variable: str) -> None:
    with pytest.raises(ServiceError, match=rf"bad\.v1\.S\.A: .*{variable}"):
        gateway(f'get: "/a/{{{variable}}}"')


@pytest.mark.parametrize("variable", ["id", "inner.id", "inner.inner.name", "time", "id=*", "id=a/*/b", "id=**"])
def test_a_variable_that_names_such_a_field_is_taken(variable: str) -> None:
    assert gateway(f'get: "/a/{{{variable}}}"').asgi


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        ('get: "/a/{id}/{id}"', "id is bound twice"),
        ('get: "/a/{inner.id}/b/{inner.id=c/*}"', r"inner\.id is bound twice"),
        ('post: "/a" body: "nope"', "nope"),
        ('post: "/a" body: "inner.id"', r"inner\.id"),
        ('post: "/a" body: "**"', r"\*\*"),
        ('post: "/a/{id}" body: "id"', "both the body and in the path"),
        ('get: "/a" response_body: "nope"', "nope"),
        ('get: "/a" response_body: "inner.id"', r"inner\.id"),
        ('get: "/a" response_body: "*"', r"\*"),
        ('body: "*"', "without a path"),
        ('get: ""', "without a path"),
        ('get: "/a" additional_bindings { body: "*" }', "without a path"),
        ('get: "/a" additional_bindings { get: "/b/{nope}" }', "nope"),
        (
            'get: "/a" additional_bindings { get: "/b" additional_bindings { get: "/c" } }',
            "additional_bindings inside additional_bindings",
        ),
        ('custom { kind: "" path: "/a" }', "not an HTTP method"),
        ('custom { kind: "G T" path: "/a" }', "not an HTTP method"),
        ('custom { kind: "BREW" path: "/a" }', "'BREW' is not an HTTP method that can be served"),
        ('custom { kind: "get" path: "/a" }', "not an HTTP method"),
        ('custom { kind: "GET\\r\\n" path: "/a" }', "not an HTTP method"),
        ('custom { kind: "PURGE" }', "without a path"),
    ],
)
def test_a_rule_that_does_not_fit_its_messages_is_refused(rule: str, fault: str) -> None:
    with pytest.raises(ServiceError, match=rf"^bad\.v1\.S\.A: google\.api\.http: .*{fault}"):
        gateway(rule)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('get: "/a"', 'get: "/a"'),
        ('get: "/a"', 'custom { kind: "GET" path: "/a" }'),
        ('get: "/a/{id}"', 'get: "/a/{name}"'),
        ('get: "/a/{id}"', 'get: "/a/*"'),
        ('get: "/a/{id=*}"', 'get: "/a/{inner.id=*}"'),
        ('get: "/a/{id=**}"', 'get: "/a/**"'),
        ('get: "/{id=a/*}"', 'get: "/a/{name}"'),
        ('get: "/a/{id}:do"', 'get: "/a/{name}:do"'),
        ('get: "/a%62"', 'get: "/ab"'),
        ('get: "/a"', 'post: "/a" additional_bindings { get: "/a" }'),
        ('custom { kind: "*" path: "/a" }', 'custom { kind: "*" path: "/a" }'),
    ],
)
def test_two_routes_that_every_path_would_match_alike_are_refused(first: str, second: str) -> None:
    with pytest.raises(ServiceError, match=r"bad\.v1\.S\.B .* collides with bad\.v1\.S\.A"):
        gateway(first, second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('get: "/a"', 'post: "/a"'),
        ('get: "/a"', 'custom { kind: "*" path: "/a" }'),
        ('get: "/a/{id}"', 'get: "/a/b"'),
        ('get: "/a/{id}"', 'get: "/a/{id}:do"'),
        ('get: "/a/{id=**}"', 'get: "/a/{id}"'),
        ('get: "/{id}/b"', 'get: "/a/{id}"'),
    ],
)
def test_two_routes_of_which_one_is_the_more_specific_are_taken(first: str, second: str) -> None:
    assert gateway(first, second).asgi


def test_a_method_that_collides_with_itself_is_refused() -> None:
    with pytest.raises(ServiceError, match=r"bad\.v1\.S\.A .* collides with bad\.v1\.S\.A"):
        gateway('get: "/a/{id}" additional_bindings { get: "/a/{name}" }')


def test_routes_of_two_services_may_collide_too() -> None:
    pools = [
        compile_proto(
            f'syntax = "proto3"; package {package}; import "google/api/annotations.proto"; message M {{}}'
            ' service S { rpc A(M) returns (M) { option (google.api.http) = { get: "/a" }; } }',
            f"{package}.proto",
        )
        for package in ("one", "two")
    ]
    services = [
        (pool.FindServiceByName(f"{package}.S"), Servicer())
        for package, pool in zip(("one", "two"), pools, strict=True)
    ]
    with pytest.raises(ServiceError, match=r"two\.S\.A .* collides with one\.S\.A"):
        Gateway(services=services)

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from google.api import annotations_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from hypothesis import assume, given
from hypothesis import strategies as st

from rpcfront.transcoding.annotations import AnnotationError, HttpRule, compile_rule, http_rules
from rpcfront.transcoding.routes import (
    BadPathError,
    MethodNotAllowedError,
    PathNotFoundError,
    RouteConflictError,
    RouteTable,
    RoutingError,
)
from rpcfront.transcoding.templates import Template, TemplateError, parse
from tests.support.services.fixture_protos import fixture_pool

CASES = Path(__file__).parent / "cases"
ROWS = json.loads((CASES / "path_match.json").read_text())
CHECKED_ROWS = [
    row for row in json.loads((CASES / "path_template_parse.json").read_text()) if "checked" in row["expect"]
]
# The row has the escape in upper case, as one implementation rewrites it; the rule is that it stays as sent.
AS_SENT = {"pm086": {"thing.id": "/", "cat": "*/%2f"}}


def router(*routes: tuple[str, str]) -> RouteTable[str]:
    table: RouteTable[str] = RouteTable()
    for http_method, template in routes:
        table.add(http_method, template, template)
    return table


def variables(table: RouteTable[str], path: str) -> dict[str, str]:
    return {".".join(names): text for names, text in table.match("GET", path).bindings}


def method(name: str) -> MethodDescriptor:
    found: MethodDescriptor = fixture_pool().FindMethodByName(f"t.v1.T.{name}")
    return found


def annotated(rule: http_pb2.HttpRule) -> MethodDescriptor:
    """A method with the rule, in a pool that has never heard of google.api."""
    file = descriptor_pb2.FileDescriptorProto(name="annotated.proto", package="annotated", syntax="proto3")
    file.message_type.add(name="Message")
    declared = file.service.add(name="Service").method.add(
        name="Call", input_type=".annotated.Message", output_type=".annotated.Message"
    )
    declared.options.Extensions[annotations_pb2.http].CopyFrom(rule)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    found: MethodDescriptor = pool.FindMethodByName("annotated.Service.Call")
    return found


# Matching


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_a_path_is_matched_as_the_worked_examples_say(row: dict[str, Any]) -> None:
    table = router(*row["routes"])
    http_method, path, expected = row["request"]["method"], row["request"]["path"], row["expect"]
    if "route" in expected:
        match = table.match(http_method, path)
        assert match.value == match.template.text == expected["route"]
        assert {".".join(names): text for names, text in match.bindings} == AS_SENT.get(row["id"], expected["vars"])
        return
    error = {400: BadPathError, 404: PathNotFoundError, 405: MethodNotAllowedError}[expected["http_status"]]
    with pytest.raises(error) as caught:
        table.match(http_method, path)
    if isinstance(caught.value, MethodNotAllowedError):
        # The rows leave out what every path allows.
        assert set(caught.value.allow) - {"HEAD", "OPTIONS"} == set(expected["allow"])


@pytest.mark.parametrize("path", ["", "a", "*", "//", "/a/", "/a//", "//a", "/a//b", "/a/b/", "/deep/", "/deep//a"])
def test_an_empty_segment_matches_nothing(path: str) -> None:
    table = router(("GET", "/*"), ("GET", "/*/*"), ("GET", "/deep/**"), ("GET", "/*/{x=**}"), ("GET", "/{y=**}:verb"))
    with pytest.raises(PathNotFoundError):
        table.match("GET", path)


@pytest.mark.parametrize(
    ("path", "template", "bound"),
    [
        ("/a/b:verb", "/a/{x}:verb", {"x": "b"}),
        ("/a/b:verb:more", "/a/{x}:verb:more", {"x": "b"}),
        ("/a/b:c:verb:more", "/a/{x}:verb:more", {"x": "b:c"}),
        ("/a/b:more", "/a/{x}:more", {"x": "b"}),
        ("/a/b:other", "/a/{x}", {"x": "b:other"}),
        ("/a/b%3Averb", "/a/{x}", {"x": "b:verb"}),
        ("/a/b:%76erb", "/a/{x}:verb", {"x": "b"}),
        ("/a/b:", "/a/{x}", {"x": "b:"}),
        ("/a/:verb", "/a/{x}", {"x": ":verb"}),
        ("/z:verb", "/{y=**}:verb", {"y": "z"}),
        ("/:verb", "/{y=**}:verb", {"y": ""}),
        ("/a/b/c:verb", "/{y=**}:verb", {"y": "a/b/c"}),
        ("/a:verb/b", "/{p}/{q}", {"p": "a:verb", "q": "b"}),
    ],
)
def test_a_suffix_is_a_verb_only_where_that_verb_is_registered(path: str, template: str, bound: dict[str, str]) -> None:
    table = router(
        ("GET", "/a/{x}"),
        ("GET", "/a/{x}:verb"),
        ("GET", "/a/{x}:verb:more"),
        ("GET", "/a/{x}:more"),
        ("GET", "/{y=**}:verb"),
        ("GET", "/{p}/{q}"),
    )
    assert table.match("GET", path).value == template
    assert variables(table, path) == bound


def test_a_verb_that_is_registered_for_another_method_is_still_the_verb() -> None:
    table = router(("GET", "/a/{x}"), ("POST", "/a/{x}:cancel"))
    with pytest.raises(MethodNotAllowedError) as caught:
        table.match("GET", "/a/1:cancel")
    assert caught.value.allow == ("OPTIONS", "POST")


def test_a_less_specific_route_answers_a_method_that_the_more_specific_lacks() -> None:
    table = router(("GET", "/users/me"), ("DELETE", "/users/{id}"))
    assert table.match("DELETE", "/users/me").bindings == [(("id",), "me")]


def test_a_dead_end_leads_back_to_the_less_specific_route() -> None:
    table = router(("GET", "/a/b/c"), ("GET", "/a/{x}/d"), ("GET", "/{y=**}"))
    assert [table.match("GET", path).value for path in ("/a/b/c", "/a/b/d", "/a/b/e")] == [
        "/a/b/c",
        "/a/{x}/d",
        "/{y=**}",
    ]


def test_literals_are_compared_decoded() -> None:
    assert router(("GET", "/caf%C3%A9")).match("GET", "/c%61f%c3%a9").value == "/caf%C3%A9"


def test_an_encoded_slash_separates_no_segments() -> None:
    table = router(("GET", "/{x}"), ("GET", "/{x}/{y}"), ("GET", "/deep/{x=**}"))
    assert variables(table, "/a%2Fb") == {"x": "a/b"}
    assert variables(table, "/deep/a%2Fb%2f/%63") == {"x": "a%2Fb%2f/c"}


def test_a_variable_of_one_literal_is_decoded_fully() -> None:
    assert variables(router(("GET", "/{x=a%2Fb}")), "/a%2Fb") == {"x": "a/b"}


@pytest.mark.parametrize(
    "path", ["/a/%", "/a/%4", "/a/%zz", "/a/%FF", "/%/b", "/a/b:%", "/nowhere/at/all/%", "/a/\ud800"]
)
def test_a_path_that_cannot_be_decoded_is_a_bad_path(path: str) -> None:
    with pytest.raises(BadPathError):
        router(("GET", "/a/{x}"), ("GET", "/a/{x}:verb")).match("GET", path)


# HTTP methods


def test_head_takes_the_route_of_get() -> None:
    assert router(("GET", "/a/{x}")).match("HEAD", "/a/1").bindings == [(("x",), "1")]


def test_head_takes_its_own_route_first() -> None:
    assert router(("GET", "/a/{x}"), ("HEAD", "/a/{y}")).match("HEAD", "/a/1").value == "/a/{y}"


def test_a_route_for_every_method_comes_after_one_for_the_method() -> None:
    table = router(("*", "/a/{any}"), ("GET", "/a/{get}"))
    assert [table.match(name, "/a/1").value for name in ("GET", "HEAD", "POST", "PURGE")] == [
        "/a/{get}",
        "/a/{get}",
        "/a/{any}",
        "/a/{any}",
    ]


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/get", ("GET", "HEAD", "OPTIONS")),
        ("/post", ("OPTIONS", "POST")),
        ("/both", ("GET", "HEAD", "OPTIONS", "POST")),
        ("/purge", ("OPTIONS", "PURGE")),
        ("/any", ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")),
        ("/shared/1", ("DELETE", "OPTIONS", "PATCH")),
        ("/none", ()),
        ("/get/", ()),
    ],
)
def test_a_path_allows_the_methods_of_all_its_routes(path: str, allow: tuple[str, ...]) -> None:
    table = router(
        ("GET", "/get"),
        ("POST", "/post"),
        ("GET", "/both"),
        ("POST", "/both"),
        ("PURGE", "/purge"),
        ("*", "/any"),
        ("DELETE", "/shared/1"),
        ("PATCH", "/shared/{x}"),
    )
    assert table.allowed(path) == allow


def test_a_method_that_no_route_has_is_refused_with_those_that_one_has() -> None:
    with pytest.raises(MethodNotAllowedError) as caught:
        router(("GET", "/a"), ("POST", "/a")).match("PUT", "/a")
    assert caught.value.allow == ("GET", "HEAD", "OPTIONS", "POST")


def test_method_names_are_case_sensitive() -> None:
    with pytest.raises(MethodNotAllowedError):
        router(("GET", "/a")).match("get", "/a")


# Collisions


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("/a/{x}", "/a/{y}"),
        ("/a/{x}", "/a/*"),
        ("/{x=a/*}", "/a/{y}"),
        ("/a/{x=**}:verb", "/a/**:verb"),
        ("/%61", "/a"),
        ("/", "/"),
    ],
)
def test_routes_of_one_shape_collide(first: str, second: str) -> None:
    table = router(("GET", first))
    with pytest.raises(RouteConflictError) as caught:
        table.add("GET", second, "the second")
    assert f"the second (GET {second}) collides with {first} (GET {first})" == str(caught.value)


def test_routes_that_differ_in_method_verb_or_wildcard_do_not_collide() -> None:
    routes = [("GET", "/a/*"), ("PUT", "/a/*"), ("*", "/a/*"), ("GET", "/a/*:v"), ("GET", "/a/**"), ("GET", "/a/b")]
    table = router(*routes)
    assert [table.match("GET", path).value for path in ("/a/c", "/a/c:v", "/a/b", "/a")] == [
        "/a/*",
        "/a/*:v",
        "/a/b",
        "/a/**",
    ]


def test_a_bad_template_is_not_added() -> None:
    with pytest.raises(TemplateError):
        router(("GET", "/a/{}"))


# Properties

SHAPES = st.builds(
    lambda segments, rest, verb: "/" + "/".join(segments + rest) + verb,
    st.lists(st.sampled_from(["a", "b", "*", "{x}", "{x=a/*}"]), min_size=1, max_size=3),
    st.sampled_from([[], ["**"], ["{y=**}"]]),
    st.sampled_from(["", "", ":a", ":b", ":a:b"]),
)
ROUTES = st.lists(
    st.tuples(st.sampled_from(["GET", "GET", "POST", "*"]), SHAPES),
    max_size=8,
    unique_by=lambda route: (route[0], parse(route[1]).segments, parse(route[1]).verb),
)
PATHS = st.builds(
    lambda segments, verb: "/" + "/".join(segments) + verb,
    st.lists(st.sampled_from(["a", "b", "c", "a:a", "%61", "%2F"]), max_size=4),
    st.sampled_from(["", "", ":a", ":b", ":a:b", ":c"]),
)


def outcome(table: RouteTable[str], http_method: str, path: str) -> tuple[object, ...]:
    try:
        return tuple(table.match(http_method, path))
    except MethodNotAllowedError as error:
        return (error.allow,)
    except RoutingError as error:
        return (type(error),)


@given(ROUTES.flatmap(lambda routes: st.tuples(st.just(routes), st.permutations(routes))), PATHS)
def test_the_order_of_registration_changes_no_match(orders: tuple[list[Any], list[Any]], path: str) -> None:
    first, second = (router(*routes) for routes in orders)
    for http_method in ("GET", "POST", "HEAD"):
        assert outcome(first, http_method, path) == outcome(second, http_method, path)


@given(ROUTES, PATHS)
def test_no_route_that_takes_the_path_alone_is_more_specific_than_the_match(routes: list[Any], path: str) -> None:
    """Segment by segment from the left, after the longest verb."""
    assume(len(routes) > 0)

    def rank(template: Template) -> tuple[int, list[int]]:
        return -len(template.verb), [{"*": 1, "**": 2}.get(segment, 0) for segment in template.segments]

    alone = [route for route in routes if outcome(router(route), "GET", path) != (PathNotFoundError,)]
    matched = outcome(router(*routes), "GET", path)
    if not alone:
        assert matched == (PathNotFoundError,)
        return
    verb = max((parse(template).verb for _, template in alone), key=len)
    takers = [parse(template) for name, template in alone if name != "POST" and parse(template).verb == verb]
    if not takers:
        assert len(matched) == 1
        return
    assert isinstance(matched[2], Template)
    assert rank(matched[2]) == min(map(rank, takers))


@given(ROUTES, st.text(alphabet="ab/:%2Fé\ud800", max_size=12))
def test_any_path_matches_or_raises_one_of_the_three_errors(routes: list[Any], path: str) -> None:
    table = router(*routes)
    try:
        match = table.match("GET", f"/{path}")
    except (BadPathError, MethodNotAllowedError, PathNotFoundError):
        return
    assert ("*", match.value) in routes or ("GET", match.value) in routes


@given(SHAPES, st.data())
def test_a_path_built_from_a_template_gives_its_values_back(text: str, data: st.DataObject) -> None:
    template = parse(text)
    segments: list[str] = []
    starts: list[int] = []
    for segment in template.segments:
        starts.append(len(segments))
        if segment == "*":
            segments.append(data.draw(st.text(min_size=1, max_size=4)))
        elif segment == "**":
            segments += data.draw(st.lists(st.text(min_size=1, max_size=4), max_size=3))
        else:
            segments.append(segment)
    starts.append(len(segments))
    path = "/" + "/".join(quote(segment, safe="") for segment in segments)
    expected = []
    for variable in template.variables:
        taken = segments[starts[variable.start] : starts[variable.end]]
        if variable.is_multi_segment:
            taken = [segment.replace("/", "%2F") for segment in taken]
        expected.append((variable.field_path, "/".join(taken)))
    match = router(("GET", text)).match("GET", path + (template.verb and f":{template.verb}"))
    assert match.bindings == expected


# Annotations


def test_the_rules_of_a_method_are_read_in_their_order() -> None:
    assert http_rules(method("Get")) == [
        HttpRule("GET", "/v1/get/{id}"),
        HttpRule("GET", "/v1/alt/{id}/x/{name}"),
    ]


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("Del", [HttpRule("DELETE", "/v1/get/{id}")]),
        ("Cancel", [HttpRule("POST", "/v1/get/{id}:cancel", body="*")]),
        ("PutNoBody", [HttpRule("PUT", "/v1/nobody/{id}")]),
        ("PatchSub", [HttpRule("PATCH", "/v1/p/{sub.s}", body="sub")]),
        ("HeadIt", [HttpRule("HEAD", "/v1/headit")]),
        ("Opt", [HttpRule("PURGE", "/v1/purge/{id}")]),
        ("NoHttp", []),
    ],
)
def test_every_kind_of_rule_is_read(name: str, rules: list[HttpRule]) -> None:
    assert http_rules(method(name)) == rules


def test_a_rule_is_read_from_a_pool_without_the_extension() -> None:
    rule = http_pb2.HttpRule(post="/v1/a", body="*", response_body="b")
    assert http_rules(annotated(rule)) == [HttpRule("POST", "/v1/a", "*", "b")]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (http_pb2.HttpRule(), "a binding without a path"),
        (http_pb2.HttpRule(get=""), "a binding without a path"),
        (http_pb2.HttpRule(body="*"), "a binding without a path"),
        (http_pb2.HttpRule(custom=http_pb2.CustomHttpPattern(kind="PURGE")), "a binding without a path"),
        (http_pb2.HttpRule(get="/a", additional_bindings=[http_pb2.HttpRule()]), "a binding without a path"),
        (
            http_pb2.HttpRule(
                get="/a",
                additional_bindings=[
                    http_pb2.HttpRule(get="/b", additional_bindings=[http_pb2.HttpRule(get="/c")]),
                ],
            ),
            "additional_bindings inside additional_bindings",
        ),
    ],
)
def test_an_annotation_that_says_nothing_is_refused(rule: http_pb2.HttpRule, fault: str) -> None:
    with pytest.raises(AnnotationError, match=f"annotated.Service.Call: google.api.http: {fault}"):
        http_rules(annotated(rule))


def test_every_rule_of_the_fixture_compiles_into_one_table() -> None:
    table: RouteTable[str] = RouteTable()
    for descriptor in method("Get").containing_service.methods:
        for rule in http_rules(descriptor):
            route = compile_rule(descriptor, rule)
            table.add(rule.http_method, route.template, str(route))
    assert table.match("POST", "/v1/get/7:cancel").value == "t.v1.T.Cancel"


@pytest.mark.parametrize("row", CHECKED_ROWS, ids=[row["id"] for row in CHECKED_ROWS])
def test_a_template_that_does_not_fit_the_message_is_refused(row: dict[str, Any]) -> None:
    parse(row["template"])
    with pytest.raises(AnnotationError):
        compile_rule(method("Get"), HttpRule("GET", row["template"]))


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (HttpRule("GET", "/a/{"), "template '/a/{'"),
        (HttpRule("GET", "/a/{nothing}"), "t.v1.Req has no field nothing for /a/{nothing}"),
        (HttpRule("GET", "/a/{id.x}"), "has no field id.x"),
        (HttpRule("GET", "/a/{sub.nothing}"), "has no field sub.nothing"),
        (HttpRule("GET", "/a/{subs.s}"), "has no field subs.s"),
        (HttpRule("GET", "/a/{ts.seconds}"), "has no field ts.seconds"),
        (HttpRule("GET", "/a/{rs}"), "rs in /a/{rs} is a repeated, map or message field"),
        (HttpRule("GET", "/a/{m}"), "is a repeated, map or message field"),
        (HttpRule("GET", "/a/{sub}"), "is a repeated, map or message field"),
        (HttpRule("GET", "/a/{st}"), "is a repeated, map or message field"),
        (HttpRule("GET", "/a/{any}"), "is a repeated, map or message field"),
        (HttpRule("GET", "/a/{id}/{id}"), "id is bound twice"),
        (HttpRule("GET", "/a/{page_size}/{pageSize}"), "pageSize is bound twice"),
        (HttpRule("POST", "/a", body="nothing"), "t.v1.Req has no field 'nothing' for body"),
        (HttpRule("POST", "/a", body="sub.s"), "has no field 'sub.s' for body"),
        (HttpRule("POST", "/a/{id}", body="id"), "id is both the body and in the path"),
        (HttpRule("GET", "/a", response_body="nothing"), "has no field 'nothing' for response_body"),
        (HttpRule("GET", "/a", response_body="*"), "has no field '*' for response_body"),
        (HttpRule("", "/a"), "'' is not an HTTP method"),
        (HttpRule("GO ON", "/a"), "'GO ON' is not an HTTP method"),
    ],
)
def test_a_rule_that_cannot_hold_is_refused_by_name(rule: HttpRule, fault: str) -> None:
    with pytest.raises(AnnotationError) as caught:
        compile_rule(method("Get"), rule)
    assert str(caught.value).startswith("t.v1.T.Get: google.api.http: ")
    assert fault in str(caught.value)


def test_a_route_knows_its_fields() -> None:
    route = compile_rule(method("PatchSub"), HttpRule("PATCH", "/v1/{sub.s}/{ts}", body="sub", response_body="rs"))
    assert route.bound == {"sub.s", "ts"}
    assert route.body is not None
    assert route.body.name == "sub"
    assert route.response_body is not None
    assert route.response_body.name == "rs"


def test_a_route_whose_body_is_the_message_has_no_body_field() -> None:
    assert compile_rule(method("PostAll"), HttpRule("POST", "/v1/all", body="*")).body is None

"""The document as a whole: valid, complete, and about what is served."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from google.protobuf.descriptor import ServiceDescriptor
from openapi_spec_validator import OpenAPIV31SpecValidator

from actiond.api.permissions import success_code
from actiond.api.served import ACTION_SERVICE, SERVICES
from rpcfront import HttpRequest
from rpcfront.openapi import build, docs_handlers, document, operations
from rpcfront.transcoding.annotations import http_rules
from rpcfront.transcoding.fields import proto_path, resolve
from tests.rpcfront.openapi.documented import INFO, document_of, echo_document, fixture_document
from tests.support.protos import compile_proto
from tests.support.services import fixture_service

OTHERS = "x-additional-operations"


def document_of_routes(rules: str, stream: str = "") -> dict[str, Any]:
    """Of a service with one method, which has the rules."""
    source = f"""syntax = "proto3"; package p; import "google/api/annotations.proto";
    message M {{ string id = 1; N n = 2; oneof o {{ string a = 3; string b = 4; }} repeated string l = 5; }}
    message N {{ string s = 1; int32 i = 2; M m = 3; }}
    service S {{ rpc Do(M) returns ({stream} M) {{ option (google.api.http) = {{ {rules} }}; }} }}"""
    return document_of(compile_proto(source).FindServiceByName("p.S"))


def parameters(operation: dict[str, Any]) -> list[tuple[str, str]]:
    return [(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", ())]


def body(operation: dict[str, Any]) -> Any:
    return operation["requestBody"]["content"]["application/json"]["schema"]


def actiond_document() -> dict[str, Any]:
    methods = [method for service in SERVICES for method in service.methods]
    return build(operations(methods, success_code), replace(INFO, is_secure=True))


@pytest.mark.parametrize("make", [fixture_document, echo_document, actiond_document])
def test_the_validator_accepts_the_document(make: Callable[[], dict[str, Any]]) -> None:
    OpenAPIV31SpecValidator(make()).validate()


def test_every_binding_is_an_operation_with_an_id_of_its_own() -> None:
    bindings = sum(len(http_rules(method)) for service, _ in fixture_service.services() for method in service.methods)
    ids = [
        operation["operationId"]
        for item in fixture_document()["paths"].values()
        for operation in (*(item[key] for key in item if key[:2] != "x-"), *item.get(OTHERS, {}).values())
    ]
    assert len(ids) == len(set(ids)) == bindings
    assert {"t.v1.T.Get", "t.v1.T.Get.2"} <= set(ids)


def test_a_method_that_openapi_has_no_word_for_stands_apart() -> None:
    paths = fixture_document()["paths"]
    assert list(paths["/v1/purge/{id}"]) == list(paths["/m/any/{id}"]) == [OTHERS]
    assert paths["/v1/purge/{id}"][OTHERS].keys() == {"PURGE"}
    assert paths["/m/any/{id}"][OTHERS].keys() == {"*"}


def test_an_answer_to_head_has_no_content() -> None:
    assert fixture_document()["paths"]["/v1/headit"]["head"]["responses"]["200"].keys() == {"description"}


def test_a_parameter_that_has_no_field_s_name_says_which_field_it_sets() -> None:
    rules = 'get: "/v1/{id}" additional_bindings { put: "/v1/{n.s}" body: "*" }'
    (item,) = document_of_routes(rules)["paths"].values()
    described = {method: operation["parameters"][0] for method, operation in item.items()}
    assert {method: (about["name"], about["description"]) for method, about in described.items()} == {
        "get": ("id-or-n-s", "Sets `id`."),
        "put": ("id-or-n-s", "Sets `n.s`."),
    }


@pytest.mark.parametrize("method", ["get", "custom"])
def test_a_route_with_a_double_wildcard_is_not_lost_beside_one_with_a_single(method: str) -> None:
    def rule(path: str) -> str:
        return f'get: "{path}"' if method == "get" else f'custom {{ kind: "PURGE" path: "{path}" }}'

    rules = f"{rule('/v1/{id=**}')} additional_bindings {{ {rule('/v1/{a}')} }}"
    paths = document_of_routes(rules)["paths"]
    assert list(paths) == ["/v1/{id-1}/{id-2}", "/v1/{a}"]
    found = [item["get"] if method == "get" else item[OTHERS]["PURGE"] for item in paths.values()]
    assert [operation["operationId"] for operation in found] == ["p.S.Do", "p.S.Do.2"]
    assert [parameter["description"] for parameter in found[0]["parameters"][:2]] == [
        "`id` is `{id-1}/{id-2}`.",
        "`id` is `{id-1}/{id-2}`.\n\nOne or more segments: send the slashes between them as they are.",
    ]


def many_types(number: int, fields: str) -> ServiceDescriptor:
    """A service whose request has messages of that many types, each of which has fields of all others."""
    messages = [
        f"message M{i} {{ {fields} {' '.join(f'M{j} m{j} = {j + 2};' for j in range(number) if j != i)} }}"
        for i in range(number)
    ]
    source = f"""syntax = "proto3"; package p; import "google/api/annotations.proto"; {" ".join(messages)}
    service S {{ rpc Do(M0) returns (M0) {{ option (google.api.http) = {{ get: "/v1" }}; }} }}"""
    return compile_proto(source).FindServiceByName("p.S")


@pytest.mark.parametrize("fields", ["string s = 1;", ""])
def test_a_query_of_countless_fields_is_cut_and_says_so(fields: str) -> None:
    operation = document_of(many_types(12, fields))["paths"]["/v1"]["get"]
    found = [name for _, name in parameters(operation)]
    assert len(found) == (200 if fields else 0)
    assert all(name.count(".") <= 3 for name in found)
    assert operation["description"].startswith("Besides the 200 query parameters that are listed")


def test_a_query_that_is_listed_whole_does_not_say_that_it_is_cut() -> None:
    operation = document_of(many_types(4, "string s = 1;"))["paths"]["/v1"]["get"]
    assert len(parameters(operation)) == 1 + 3 + 3 * 2 + 3 * 2
    assert "description" not in operation


def test_messages_may_be_nested_deeper_than_python_s_calls() -> None:
    depth = 300
    messages = " ".join(f"message M{i} {{ string s = 1; M{i + 1} m = 2; }}" for i in range(depth))
    source = f"""syntax = "proto3"; package p; import "google/api/annotations.proto"; {messages} message M{depth} {{}}
    service S {{ rpc Do(M0) returns (M0) {{ option (google.api.http) = {{
      post: "/v1" body: "*" additional_bindings {{ get: "/v1" }} }}; }} }}"""
    service = compile_proto(source).FindServiceByName("p.S")
    whole = document_of(service)
    assert {f"p.M{i}" for i in range(depth)} <= whole["components"]["schemas"].keys()
    names = [name for _, name in parameters(whole["paths"]["/v1"]["get"])]
    assert all(resolve(service.methods[0].input_type, name) for name in names)


def test_a_query_parameter_has_a_name_that_the_server_takes() -> None:
    source = """syntax = "proto3"; package p; import "google/api/annotations.proto";
    message N { string s = 1 [json_name = "x.y"]; string t = 2 [json_name = "ü&="]; }
    message M { N n = 1; string a = 2 [json_name = "b"]; string b = 3 [json_name = "c"];
      oneof o { string p = 4 [json_name = "q"]; string q = 5 [json_name = "."]; } }
    service S { rpc Do(M) returns (M) { option (google.api.http) = { get: "/v1" }; } }"""
    service = compile_proto(source).FindServiceByName("p.S")
    operation = document_of(service)["paths"]["/v1"]["get"]
    message = service.methods[0].input_type
    resolved = {name: proto_path(resolve(message, name) or ()) for _, name in parameters(operation)}
    assert resolved == {"n.s": "n.s", "n.ü&=": "n.t", "a": "a", "c": "b", "p": "p", "q": "q"}
    assert operation["parameters"][-1]["description"] == "Only one of `p`, `q` may be given."


def test_a_field_that_the_language_requires_is_required() -> None:
    source = """syntax = "proto2"; package p; import "google/api/annotations.proto";
    message N { required string deep = 1; }
    message M { required string must = 1; optional string may = 2; required N n = 3; optional N o = 4; }
    service S { rpc Do(M) returns (M) { option (google.api.http) = {
      post: "/v1" body: "*" additional_bindings { get: "/v1" } additional_bindings { put: "/v1/{must}" body: "*" }
      additional_bindings { patch: "/v1" body: "o" } }; } }"""
    whole = document_of(compile_proto(source).FindServiceByName("p.S"))
    schemas, item = whole["components"]["schemas"], whole["paths"]["/v1"]
    assert {name: schema["required"] for name, schema in schemas.items() if name.startswith("p.")} == {
        "p.M": ["must", "n"],
        "p.M-Input": ["must", "n"],
        "p.N": ["deep"],
        "p.N-Input": ["deep"],
    }
    assert schemas["p.M-Input"]["properties"]["must"] == {"type": "string"}
    assert item["post"]["requestBody"]["required"] is True
    assert "required" not in item["patch"]["requestBody"]
    in_query = {about["name"]: about.get("required", False) for about in item["get"]["parameters"]}
    assert in_query == {"must": True, "may": False, "n.deep": True, "o.deep": False}
    assert body(whole["paths"]["/v1/{must}"]["put"])["required"] == ["n"]


def test_the_query_has_what_neither_path_nor_body_gives() -> None:
    get = document_of_routes('get: "/v1/{id}"')["paths"]["/v1/{id}"]["get"]
    assert parameters(get) == [("path", "id")] + [("query", name) for name in ("n.s", "n.i", "a", "b", "l")]
    assert "requestBody" not in get
    post = document_of_routes('post: "/v1/{id}" body: "n"')["paths"]["/v1/{id}"]["post"]
    assert parameters(post) == [("path", "id")] + [("query", name) for name in ("a", "b", "l")]
    whole = document_of_routes('post: "/v1/{id}" body: "*"')["paths"]["/v1/{id}"]["post"]
    assert parameters(whole) == [("path", "id")]


def test_a_query_says_what_cannot_be_given_together() -> None:
    get = document_of_routes('get: "/v1"')["paths"]["/v1"]["get"]
    told = {parameter["name"]: parameter.get("description") for parameter in get["parameters"]}
    assert told["a"] == told["b"] == "Only one of `a`, `b` may be given."


def test_a_body_lacks_what_the_path_gives() -> None:
    post = document_of_routes('post: "/v1/{id}/{n.s}/{a}" body: "*"')["paths"]["/v1/{id}/{n-s}/{a}"]["post"]
    assert body(post)["properties"].keys() == {"n", "l"}
    assert body(post)["properties"]["n"]["properties"].keys() == {"i", "m"}
    assert "if" not in body(post)


def test_a_body_may_be_one_field() -> None:
    paths = document_of_routes('post: "/v1" body: "n" additional_bindings { put: "/v1" body: "l" }')["paths"]["/v1"]
    assert body(paths["post"]) == {"anyOf": [{"$ref": "#/components/schemas/p.N-Input"}, {"type": "null"}]}
    assert body(paths["put"]) == {"type": ["array", "null"], "items": {"type": "string"}}


def test_an_answer_may_be_one_field_and_then_null() -> None:
    paths = document_of_routes('get: "/v1" response_body: "n" additional_bindings { get: "/l" response_body: "l" }')
    answers = {
        path: item["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        for path, item in paths["paths"].items()
    }
    assert answers["/v1"] == {"anyOf": [{"$ref": "#/components/schemas/p.N"}, {"type": "null"}]}
    assert answers["/l"] == {"type": "array", "items": {"type": "string"}}


def test_bytes_pass_as_they_are() -> None:
    paths = fixture_document()["paths"]
    content = {"schema": {"type": "string", "format": "binary"}}
    binary = {"application/octet-stream": content, "*/*": content}
    assert paths["/v1/upload"]["post"]["requestBody"]["content"] == binary
    assert paths["/v1/upload"]["post"]["responses"]["200"]["content"] == binary
    assert paths["/m/files/{name}"]["put"]["requestBody"]["content"] == binary
    assert paths["/m/files/{name}/card"]["put"]["responses"]["200"]["content"].keys() == {"application/json"}


def test_a_stream_is_lines_of_json() -> None:
    answer = document_of_routes('get: "/v1"', stream="stream")["paths"]["/v1"]["get"]["responses"]["200"]
    line = answer["content"]["application/x-ndjson"]["schema"]
    assert line["anyOf"][0] == {"$ref": "#/components/schemas/p.M"}
    assert line["anyOf"][1]["required"] == ["error"]


def test_slashes_of_a_double_wildcard_are_kept() -> None:
    (parameter, *_) = document_of_routes('get: "/v1/{id=**}"')["paths"]["/v1/{id}"]["get"]["parameters"]
    assert parameter["x-multi-segment"] is True
    assert "slashes" in parameter["description"]


def test_every_operation_has_the_errors_that_it_can_end_with() -> None:
    paths = document_of_routes('get: "/v1" additional_bindings { post: "/v1" body: "*" }')["paths"]["/v1"]
    always = {"200", "400", "404", "405", "408", "413", "429", "500", "503", "504", "default"}
    assert paths["get"]["responses"].keys() == always
    assert paths["post"]["responses"].keys() == always | {"415"}


def test_a_secure_document_asks_every_operation_for_a_token() -> None:
    secure = document_of(ACTION_SERVICE, is_secure=True)
    assert secure["security"] == [{"bearer": []}]
    assert secure["components"]["securitySchemes"] == {"bearer": {"type": "http", "scheme": "bearer"}}
    for item in secure["paths"].values():
        for operation in item.values():
            assert {"401", "403"} <= operation["responses"].keys()
    assert "security" not in document_of(ACTION_SERVICE)


def test_comments_tell_of_services_and_methods() -> None:
    name = ACTION_SERVICE.full_name
    comments = {name: "Keeps targets.", f"{name}.CreateTarget": "Creates a target. At once.\n\nMore of it."}
    told = document_of(ACTION_SERVICE, comments=comments)
    assert told["tags"] == [{"name": name, "description": "Keeps targets."}]
    create = told["paths"]["/v3alpha/targets"]["post"]
    assert create["tags"] == [name]
    assert create["summary"] == "Creates a target"
    assert create["description"] == "Creates a target. At once.\n\nMore of it."


def test_the_success_code_is_the_method_s() -> None:
    told = build(operations(ACTION_SERVICE.methods, success_code), INFO)
    assert "201" in told["paths"]["/v3alpha/targets"]["post"]["responses"]
    assert "200" in told["paths"]["/v3alpha/targets/{target_id}"]["get"]["responses"]


def test_messages_without_unknown_fields_say_so_in_requests_alone() -> None:
    components = build(operations(ACTION_SERVICE.methods, success_code), INFO, lambda _: True)["components"]["schemas"]
    request, response = (
        components["zitadel.action.v3alpha.SetRESTAsync-Input"],
        components["zitadel.action.v3alpha.Target"],
    )
    assert request["additionalProperties"] is False
    assert "additionalProperties" not in response


def test_rules_make_fields_required_and_one_of_a_oneof() -> None:
    schemas = document_of(ACTION_SERVICE)["components"]["schemas"]
    request = schemas["zitadel.action.v3alpha.CreateTargetRequest"]
    assert request["required"] == ["name", "timeout", "endpoint"]
    (target_type,) = request["if"]["allOf"]
    assert [branch["required"] for branch in target_type["oneOf"]] == [["restWebhook"], ["restCall"], ["restAsync"]]
    assert request["description"] == "Exactly one of `restWebhook`, `restCall`, `restAsync` may be given."
    assert request["properties"]["name"] == {"type": "string", "minLength": 1, "maxLength": 200}
    assert "http or https URL" in request["properties"]["endpoint"]["description"]
    assert "required" not in schemas["zitadel.action.v3alpha.Target"]


def test_every_reference_leads_somewhere() -> None:
    whole = fixture_document()

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            return {node["$ref"]} if isinstance(node.get("$ref"), str) else set().union(*map(references, node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    for reference in references(whole):
        found = whole
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


async def test_the_document_is_made_in_another_thread_and_once_for_all_who_ask() -> None:
    asked: list[tuple[str, threading.Thread]] = []

    class Comments(dict[str, str]):
        def get(self, name: str, default: Any = None) -> Any:
            asked.append((name, threading.current_thread()))
            return default

    info = replace(INFO, comments=Comments())
    handler = docs_handlers(operations(ACTION_SERVICE.methods, success_code), info)["/openapi.json"]
    request = HttpRequest("GET", "/openapi.json", [])
    impatient, *others = [asyncio.ensure_future(handler(request)) for _ in range(4)]
    await asyncio.sleep(0)
    impatient.cancel()
    assert len({(await response).body for response in others}) == 1
    assert [name for name, _ in asked].count(ACTION_SERVICE.full_name) == 1
    assert threading.current_thread() not in {thread for _, thread in asked}


async def test_the_document_is_made_once_and_its_answers_are_not_shared() -> None:
    handlers = docs_handlers(operations(ACTION_SERVICE.methods, success_code), INFO)
    request = HttpRequest("GET", "/openapi.json", [])
    first, second = [await handlers["/openapi.json"](request) for _ in range(2)]
    assert first.body is second.body
    assert first.headers == second.headers
    assert first.headers is not second.headers
    assert orjson.loads(first.body)["info"] == {"title": "The title", "version": "1.2.3"}
    assert first.body == document(operations(ACTION_SERVICE.methods, success_code), INFO)

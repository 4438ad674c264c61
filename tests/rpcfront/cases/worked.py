"""The worked examples of tests/rpcfront/transcoding/cases, as rows for real servers.

Where a path is matched among routes of the example's own, they become a service of their own: a method for each route,
all behind a literal that names the set, which answers the route it is of and what its variables were given.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.message_factory import GetMessageClass

from rpcfront.transcoding.templates import parse
from tests.rpcfront.cases.rows import ANYTHING, Answer, Row, error, ok
from tests.support.protos import compile_proto

CASES = Path(__file__).parents[1] / "transcoding" / "cases"

# The rule is that an escaped slash stays as it was sent; the example has it in upper case.
_AS_SENT = {"pm086": {"thing.id": "/", "cat": "*/%2f"}}

Route = tuple[str, str]
Routes = tuple[Route, ...]


def _load(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads((CASES / name).read_text())
    return rows


def _expected(expect: dict[str, Any]) -> Answer:
    if "http_status" not in expect:
        return ok(expect["json"])
    status: int = expect["http_status"]
    return error(status, expect.get("code", ANYTHING))


QUERIES = [
    Row(f"{row['id']} {row['query']}", f"GET /v1/q?{row['query'].replace(' ', '%20')}", _expected(row["expect"]))
    for row in _load("query_params.json")
]

BODIES = [
    Row(
        f"{row['id']} {row['request']['body']}",
        f"{row['request']['method']} {row['request']['path']}",
        _expected(row["expect"]),
        row["request"]["body"],
        tuple(row["request"]["headers"].items()),
    )
    for row in _load("json_body.json")
]

_PATHS = _load("path_match.json")
_SETS: list[Routes] = list(dict.fromkeys(tuple((route[0], route[1]) for route in row["routes"]) for row in _PATHS))


def _path_row(row: dict[str, Any]) -> Row:
    routes = tuple((route[0], route[1]) for route in row["routes"])
    request, expect = row["request"], row["expect"]
    if "route" in expect:
        answer = ok({"route": expect["route"], "vars": _AS_SENT.get(row["id"], expect["vars"])})
    elif "allow" in expect:
        # The examples leave out what every path allows.
        extra = {"OPTIONS"} | ({"HEAD"} if "GET" in expect["allow"] else set())
        answer = error(405, 12, allow=", ".join(sorted(extra.union(expect["allow"]))))
    else:
        answer = error(expect["http_status"], expect["code"])
    return Row(
        f"{row['id']} {request['path']}",
        f"{request['method']} {_behind(_SETS.index(routes), request['path'])}",
        answer,
    )


def _behind(number: int, path: str) -> str:
    return f"/set{number}" + ("" if path == "/" else path)


PATHS = [_path_row(row) for row in _PATHS]


def services() -> list[tuple[ServiceDescriptor, object]]:
    """A service for each set of routes."""
    return [_service(number, routes) for number, routes in enumerate(_SETS)]


def _service(number: int, routes: Routes) -> tuple[ServiceDescriptor, object]:
    variables = [[variable.field_path for variable in parse(template).variables] for _, template in routes]
    source = [f'syntax = "proto3"; package set{number};']
    source += ['import "google/api/annotations.proto"; import "google/protobuf/struct.proto";']
    source += [_message(f"M{index}", paths) for index, paths in enumerate(variables)]
    source += ["service S {", *(_rpc(number, index, route) for index, route in enumerate(routes)), "}"]
    pool = compile_proto("\n".join(source), f"set{number}.proto")
    answer = GetMessageClass(pool.FindMessageTypeByName("google.protobuf.Struct"))
    methods = {
        f"R{index}": staticmethod(_answering(template, variables[index], answer))
        for index, (_, template) in enumerate(routes)
    }
    return pool.FindServiceByName(f"set{number}.S"), type("Servicer", (), methods)()


def _rpc(number: int, index: int, route: Route) -> str:
    rule = f'{{ {route[0].lower()}: "{_behind(number, route[1])}" }}'
    return f"rpc R{index}(M{index}) returns (google.protobuf.Struct) {{ option (google.api.http) = {rule}; }}"


def _message(name: str, paths: Iterable[tuple[str, ...]]) -> str:
    """A message that has the fields of a template's variables, all of them strings."""
    below: dict[str, list[tuple[str, ...]]] = {}
    for first, *rest in paths:
        below.setdefault(first, []).append(tuple(rest))
    fields: list[str] = []
    for number, (field, rests) in enumerate(below.items(), 1):
        nested = [rest for rest in rests if rest]
        if nested:
            fields.append(_message(f"{field.title()}_", nested))
        fields.append(f"{f'{field.title()}_' if nested else 'string'} {field} = {number};")
    return f"message {name} {{ {' '.join(fields)} }}"


def _answering(template: str, paths: list[tuple[str, ...]], new_answer: Callable[[], Any]) -> Callable[[Any, Any], Any]:
    def method(request: Any, context: Any) -> Any:
        given: dict[str, Any] = {}
        for path in paths:
            value = request
            for name in path:
                value = getattr(value, name)
            given[".".join(path)] = value
        answer = new_answer()
        answer.update({"route": template, "vars": given})
        return answer

    return method

"""Drivers: each makes a Call over its protocol, checks the response by the protocol's rules, and returns an outcome."""

import base64
import http.client
import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import status_pb2

from tests.support.action_service.model import (
    DELIVERIES,
    EXECUTIONS,
    RESPONSES,
    SERVICE,
    SERVICE_V2,
    SERVICE_V2BETA,
    SIGNING_KEY,
    WEBHOOK_SECRET,
    Call,
    Outcome,
    failure,
    failure_from_json,
)
from tests.support.wire import grpc_web
from tests.support.wire.protocols import CODES, read_connect_error

TIMEOUT = 20.0
IDLE = 2.0
"""Seconds after which an idle connection is not reused: the server closes it after five."""
CHUNKED = ("transfer-encoding", "chunked")


@dataclass(frozen=True, slots=True)
class Route:
    """A google.api.http annotation, and the proto's success code."""

    verb: str
    path: str
    success: int = 200
    has_body: bool = True
    """Whether the body is the message without the fields in the path; otherwise those are in the query."""


# The proto's annotations, repeated by hand.
_V3ALPHA = {
    "CreateTarget": Route("POST", "/v3alpha/targets", 201),
    "UpdateTarget": Route("PUT", "/v3alpha/targets/{target_id}"),
    "DeleteTarget": Route("DELETE", "/v3alpha/targets/{target_id}", has_body=False),
    "ListTargets": Route("POST", "/v3alpha/targets/search"),
    "GetTargetByID": Route("GET", "/v3alpha/targets/{target_id}", has_body=False),
    "SetExecution": Route("PUT", "/v3alpha/executions"),
    "DeleteExecution": Route("DELETE", "/v3alpha/executions"),
    "ListExecutions": Route("POST", "/v3alpha/executions/search"),
    "ListExecutionFunctions": Route("GET", "/v3alpha/executions/functions", has_body=False),
    "ListExecutionMethods": Route("GET", "/v3alpha/executions/methods", has_body=False),
    "ListExecutionServices": Route("GET", "/v3alpha/executions/services", has_body=False),
}
_DELIVERIES = {
    "ListDeliveries": Route("GET", "/v1/deliveries", has_body=False),
    "CountDeliveries": Route("GET", "/v1/deliveries:count", has_body=False),
    "GetDelivery": Route("GET", "/v1/deliveries/{delivery_id}", has_body=False),
    "RetryDelivery": Route("POST", "/v1/deliveries/{delivery_id}:retry"),
    "CancelDelivery": Route("POST", "/v1/deliveries/{delivery_id}:cancel"),
    "RetryDeliveries": Route("POST", "/v1/deliveries:retry"),
    "CancelDeliveries": Route("POST", "/v1/deliveries:cancel"),
    "TestTarget": Route("POST", "/v1/targets/{target_id}:test"),
    "GetTargetHealth": Route("GET", "/v1/targets/{target_id}/health", has_body=False),
    "ResumeTarget": Route("POST", "/v1/targets/{target_id}:resume"),
    "PublishEvent": Route("POST", "/v1/events:publish"),
    "PublishEvents": Route("POST", "/v1/events:batchPublish"),
    "GetCaller": Route("GET", "/v1/caller", has_body=False),
}
_EXECUTIONS = {
    "ExecuteRequest": Route("POST", "/v1/executions:executeRequest"),
    "ExecuteResponse": Route("POST", "/v1/executions:executeResponse"),
    "ExecuteFunction": Route("POST", "/v1/executions:executeFunction"),
    "DryRun": Route("POST", "/v1/executions:dryRun"),
    "GetCondition": Route("GET", "/v1/executions:condition", has_body=False),
    "SetCondition": Route("PUT", "/v1/executions:condition"),
}


def _stable(version: str) -> dict[str, Route]:
    """Return the routes that v2 and v2beta have in common."""
    root = f"/{version}/actions"
    return {
        "CreateTarget": Route("POST", f"{root}/targets"),
        "UpdateTarget": Route("POST", f"{root}/targets/{{id}}"),
        "DeleteTarget": Route("DELETE", f"{root}/targets/{{id}}", has_body=False),
        "GetTarget": Route("GET", f"{root}/targets/{{id}}", has_body=False),
        "ListTargets": Route("POST", f"{root}/targets/search"),
        "SetExecution": Route("PUT", f"{root}/executions"),
        "ListExecutions": Route("POST", f"{root}/executions/search"),
        "ListExecutionFunctions": Route("GET", f"{root}/executions/functions", has_body=False),
        "ListExecutionMethods": Route("GET", f"{root}/executions/methods", has_body=False),
        "ListExecutionServices": Route("GET", f"{root}/executions/services", has_body=False),
    }


_PUBLIC_KEYS = "/v2/actions/targets/{target_id}/publickeys"
_V2 = _stable("v2") | {
    "AddPublicKey": Route("POST", _PUBLIC_KEYS),
    "ActivatePublicKey": Route("POST", f"{_PUBLIC_KEYS}/{{key_id}}/activate", has_body=False),
    "DeactivatePublicKey": Route("POST", f"{_PUBLIC_KEYS}/{{key_id}}/deactivate", has_body=False),
    "RemovePublicKey": Route("DELETE", f"{_PUBLIC_KEYS}/{{key_id}}", has_body=False),
    "ListPublicKeys": Route("POST", f"{_PUBLIC_KEYS}/search"),
}
ROUTES = {
    f"/{service}/{method}": route
    for service, routes in (
        (SERVICE, _V3ALPHA),
        (SERVICE_V2, _V2),
        (SERVICE_V2BETA, _stable("v2beta")),
        (DELIVERIES, _DELIVERIES),
        (EXECUTIONS, _EXECUTIONS),
    )
    for method, route in routes.items()
}
"""By the path of the RPC."""
HTTP_BY_CODE = {0: 200, 1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 10: 409, 11: 400}
HTTP_BY_CODE |= {12: 501, 13: 500, 14: 503, 15: 500, 16: 401}


class Driver(Protocol):
    """A client of one protocol, with its own token."""

    @property
    def token(self) -> str: ...

    @property
    def keeps_trailers(self) -> bool:
        """Whether trailing metadata reaches the client."""

    def __call__(self, call: Call) -> Outcome: ...

    def close(self) -> None: ...


class Grpc:
    """grpcio's own client."""

    keeps_trailers = True

    def __init__(self, port: int, token: str) -> None:
        self.token = token
        # Channels of one process share their connections by default.
        options = [("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0)]
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)

    def __call__(self, call: Call) -> Outcome:
        invoke = self._channel.unary_unary(call.rpc_path, bytes, bytes)
        try:
            body, ended = invoke.with_call(call.protobuf(), TIMEOUT, tuple(call.headers(self.token)))
        except grpc.RpcError as error:
            return replace(failure(_rich_status(error)), signing_key=_grpc_signing_key(error))
        return Outcome(0, response=call.parse_response(body), signing_key=_grpc_signing_key(ended))

    def close(self) -> None:
        self._channel.close()


def _grpc_signing_key(ended: grpc.Call | grpc.RpcError) -> str | None:
    assert isinstance(ended, grpc.Call)
    assert not {SIGNING_KEY, WEBHOOK_SECRET} & dict(ended.initial_metadata() or ()).keys()
    return _signing_key(dict(ended.trailing_metadata() or ()))


def _signing_key(trailers: Mapping[str, str | bytes], prefix: str = "") -> str | None:
    """Return the signing key of the trailing metadata, which must have it in both forms or in none."""
    key = trailers.get(prefix + SIGNING_KEY)
    assert key is None or isinstance(key, str)
    secret = None if key is None else f"whsec_{base64.b64encode(key.encode()).decode()}"
    assert trailers.get(prefix + WEBHOOK_SECRET) == secret
    return key


def _rich_status(error: grpc.RpcError) -> status_pb2.Status:
    assert isinstance(error, grpc.Call)
    plain = status_pb2.Status(code=error.code().value[0], message=error.details() or "")
    packed = [value for name, value in error.trailing_metadata() or () if name == "grpc-status-details-bin"]
    if not packed:
        return plain
    [value] = packed
    assert isinstance(value, bytes)
    rich = status_pb2.Status.FromString(value)
    assert (rich.code, rich.message) == (plain.code, plain.message)
    return rich


class _HttpDriver:
    """A persistent HTTP/1.1 connection, on which a response to the wrong request would be noticed."""

    def __init__(self, port: int, token: str, *, envoy: bool = False) -> None:
        self.token = token
        self._envoy = envoy
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        self._used = 0.0

    def _send(
        self, verb: str, path: str, body: bytes, headers: list[tuple[str, str | bytes]]
    ) -> tuple[http.client.HTTPResponse, bytes]:
        connection = self._connection
        if time.monotonic() - self._used > IDLE:
            connection.close()
        try:
            connection.putrequest(verb, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, grpc_web.to_base64(value) if isinstance(value, bytes) else value)
            if CHUNKED in headers:
                connection.endheaders(iter([body[:1], body[1:]]), encode_chunked=True)
            else:
                if body or verb != "GET":
                    connection.putheader("content-length", str(len(body)))
                connection.endheaders(body)
            response = connection.getresponse()
            received = response.read()
        except BaseException:
            # The next call begins on a new connection.
            connection.close()
            raise
        self._used = time.monotonic()
        return response, received

    def close(self) -> None:
        self._connection.close()


class GrpcWeb(_HttpDriver):
    """gRPC-Web, binary or text, as browsers speak it."""

    keeps_trailers = True

    def __init__(self, port: int, token: str, *, text: bool = False, envoy: bool = False) -> None:
        super().__init__(port, token, envoy=envoy)
        self._text = text
        self._content_type = "application/grpc-web-text+proto" if text else "application/grpc-web+proto"

    def __call__(self, call: Call) -> Outcome:
        body = call.frames if call.frames is not None else grpc_web.frame(call.protobuf())
        headers = [*call.headers(self.token), *call.content_type(self._content_type), ("x-grpc-web", "1")]
        if not any(name == "accept" for name, _ in headers):
            headers.append(("accept", self._content_type))
        response, received = self._send("POST", call.rpc_path, base64.b64encode(body) if self._text else body, headers)
        assert response.status == 200
        assert response.headers.get_all("content-type") == [self._content_type]
        if self._envoy and not received:
            # Envoy forwards what gRPC calls Trailers-Only: a status in the headers and no body.
            headers_only = dict(response.headers)
            answer = grpc_web.Answer(None, grpc_web.parse_status(headers_only), headers_only)
        else:
            assert self._envoy or "grpc-status" not in response.headers
            assert SIGNING_KEY not in response.headers
            assert WEBHOOK_SECRET not in response.headers
            answer = grpc_web.parse_answer(grpc_web.from_text(received) if self._text else received)
        if answer.message is None:
            outcome = failure(answer.status, response.status)
        else:
            outcome = Outcome(0, response=call.parse_response(answer.message), http_status=response.status)
        return replace(outcome, signing_key=_signing_key(answer.trailers))


class Json(_HttpDriver):
    """JSON over HTTP, on the routes of the proto."""

    @property
    def keeps_trailers(self) -> bool:
        # Envoy's transcoder sends no trailers over HTTP/1.1, nor headers in their place.
        return not self._envoy

    def __call__(self, call: Call) -> Outcome:
        verb, path, body = _request(call)
        headers = call.headers(self.token)
        if body:
            headers += call.content_type("application/json")
        if call.http.chunked:
            headers.append(CHUNKED)
        response, received = self._send(verb, path, body, headers)
        (content_type,) = response.headers.get_all("content-type", [])
        assert content_type.partition(";")[0] == "application/json", received
        content = json.loads(received)
        if not self._envoy:
            assert received == json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode(), "not compact"
            assert ("www-authenticate" in response.headers) == (response.status == 401)
            assert ("allow" in response.headers) == (response.status == 405)
            if path == call.rpc_path:
                # Where JSON speaks Connect. No scenario sends a call there that succeeds.
                assert response.status >= 400
                return failure(read_connect_error(content), response.status)
        key = _signing_key(dict(response.headers), "grpc-trailer-")
        if response.status < 300:
            return Outcome(0, response=_parse(call, content), http_status=response.status, signing_key=key)
        if self._envoy:
            # Envoy prints a Status as protobuf does, hence without an empty list.
            content.setdefault("details", [])
        assert content.keys() == {"code", "message", "details"}
        return replace(failure_from_json(content, response.status), signing_key=key)


class Connect(_HttpDriver):
    """JSON on an RPC's path, where it speaks Connect, without the header of a version: as ZITADEL's own clients do."""

    keeps_trailers = True

    def __call__(self, call: Call) -> Outcome:
        body = call.json
        if body is None:
            body = json.dumps({} if call.message is None else json_format.MessageToDict(call.message))
        headers = [*call.headers(self.token), *call.content_type("application/json")]
        if call.http.chunked:
            headers.append(CHUNKED)
        data = body if isinstance(body, bytes) else body.encode()
        response, received = self._send(call.http.verb or "POST", call.http.path or call.rpc_path, data, headers)
        assert response.headers.get_all("content-type") == ["application/json"], received
        content = json.loads(received)
        assert SIGNING_KEY not in response.headers
        assert WEBHOOK_SECRET not in response.headers
        key = _signing_key(dict(response.headers), "trailer-")
        if response.status == 200:
            return Outcome(0, response=_parse(call, content), http_status=200, signing_key=key)
        outcome = failure(read_connect_error(content), response.status)
        assert response.status == CODES[outcome.code][1]
        return replace(outcome, signing_key=key)


def _request(call: Call) -> tuple[str, str, bytes]:
    route = ROUTES.get(call.rpc_path, Route("POST", call.rpc_path, has_body=False))
    path, bound = route.path, _VARIABLE.findall(route.path)
    for name in bound:
        path = path.replace(f"{{{name}}}", quote(getattr(call.message, name), safe=""))
    body = call.json or ""
    if call.message is not None and call.json is None:
        rest = _without(call.message, bound)
        if route.has_body:
            body = json.dumps(rest)
        elif rest:
            path += f"?{urlencode(list(_parameters(rest)))}"
    return call.http.verb or route.verb, call.http.path or path, body if isinstance(body, bytes) else body.encode()


_VARIABLE = re.compile(r"{(\w+)}")


def _without(message: Message, bound: list[str]) -> dict[str, Any]:
    """Return the message as JSON, without the fields in the path."""
    if bound:
        whole, message = message, type(message)()
        message.CopyFrom(whole)
        for name in bound:
            message.ClearField(name)
    return json_format.MessageToDict(message)


def _parameters(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the query parameters of a message in JSON: nested fields have dotted names, repeated ones are repeated."""
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _parameters(value, f"{prefix}{name}.")
        else:
            yield from ((prefix + name, str(one)) for one in (value if isinstance(value, list) else [value]))


def _parse(call: Call, content: dict[str, Any]) -> Message:
    """Return the message of a response's JSON, which must be exactly what protobuf would print."""
    message = json_format.ParseDict(content, RESPONSES[call.rpc_path]())
    assert json_format.MessageToDict(message) == content
    return message

"""Executions around calls of a service that knows nothing of them, through the real Envoy with the shipped file.

What is the same for every way past executions is a row of tests/gates/scenarios.py; what is Envoy's own is here.
"""

import json
from collections.abc import Iterator

import grpc
import pytest

from tests.support.proxied.clients import call, call_over, chat, post, raw_body, raw_call
from tests.support.proxied.shop import CHAT, PLACE, UPLOAD, WATCH, order
from tests.support.proxied.system import OWNER, System
from tests.support.targets.answers import ok
from tests.support.wire.grpc_web import frame

FAILED = (9, "Execution failed (EXEC-dra6yamk98)")
ERROR_TYPES = ["zitadel.v1.ErrorDetail", "google.rpc.ErrorInfo"]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    with System(
        tmp_path_factory.mktemp("system"),
        "--max-body",
        "2097152",
        edits=[
            lambda text: text.replace("initial_stream_window_size: 1048581", "initial_stream_window_size: 2097157"),
        ],
    ) as system:
        yield system
    assert "Traceback" not in system.server.stderr, system.server.stderr


@pytest.fixture
def system(started: System) -> Iterator[System]:
    yield started
    started.forget()


def test_both_sides_are_changed_and_the_response_is_shown_with_the_request_that_the_service_got(system: System) -> None:
    system.targets.script("/first", ok(b'{"id": "new"}'))
    system.targets.script("/second", ok(b'{"count": "3"}'))
    system.set("request", PLACE, system.target("/first"))
    system.set("response", PLACE, system.target("/second"))
    outcome = call(system.port, PLACE, order(id="1"))
    assert [(receipt.id, receipt.count) for receipt in outcome.receipts] == [("new", 3)]
    bodies = {received.path: json.loads(received.body) for received in system.targets.requests[-2:]}
    assert bodies["/first"]["request"] == {"id": "1"}
    assert (bodies["/second"]["request"], bodies["/second"]["response"]) == ({"id": "new"}, {"id": "new"})


def test_targets_see_the_method_the_owner_and_the_allowed_headers_and_not_others(system: System) -> None:
    system.set("request", PLACE, system.target("/seen", "webhook"))
    system.targets.script("/seen", ok())
    headers = (("origin", "https://shop.example"), ("authorization", "Bearer of-the-client"), ("x-request-id", "id-1"))
    assert call(system.port, PLACE, order(id="1"), headers=headers).code == 0
    received = system.targets.requests[-1]
    body = json.loads(received.body)
    assert (body["fullMethod"], body["orgID"]) == (PLACE, OWNER)
    assert "userID" not in body
    assert body["headers"]["origin"] == ["https://shop.example"]
    assert body["headers"]["content-type"] == ["application/grpc"]
    assert body["headers"]["host"] == [f"127.0.0.1:{system.port}"]
    assert "of-the-client" not in received.body.decode()


def test_a_response_that_is_interrupted_is_an_error_of_http_without_a_body_over_json(system: System) -> None:
    system.set("response", PLACE, system.target("/status/500"))
    outcome = call_over("json", system.port, order(id="1"))
    # The transcoder has seen a body by then: the status and nothing else.
    assert (outcome.code, outcome.http_status, outcome.receipts) == (-1, 400, [])


@pytest.mark.parametrize("path", [PLACE, WATCH, UPLOAD, CHAT])
def test_a_call_without_an_execution_passes_as_it_is(system: System, path: str) -> None:
    outcome = call(system.port, path, order(id="1", count=2, data=b"d"))
    assert outcome.code == 0, outcome
    assert outcome.receipts


def test_an_execution_that_changes_nothing_leaves_every_byte(system: System) -> None:
    system.set("request", PLACE, system.target("/ok"))
    system.set("response", PLACE, system.target("/ok"))
    unknown = order(id="1").SerializeToString() + b"\xfa\x3e\x03abc"
    one = order().FromString(unknown)
    assert call(system.port, PLACE, one).code == 0
    assert system.shop.orders[-1].SerializeToString() == unknown


def test_a_stream_of_requests_is_ended_by_its_second_message_and_the_service_does_not_get_that(system: System) -> None:
    system.targets.script("/second", ok(), ok(status=500))
    system.set("request", UPLOAD, system.target("/second"))
    outcome = call(system.port, UPLOAD, order(id="stream-1"), order(id="stream-2"), order(id="stream-3"))
    assert (outcome.code, outcome.message) == FAILED
    assert outcome.details == ERROR_TYPES
    assert not {"stream-2", "stream-3"} & {one.id for one in system.shop.orders}


def test_a_bidirectional_stream_is_interactive(system: System) -> None:
    system.set("request", CHAT, system.target("/ok"))
    system.set("response", CHAT, system.target("/ok"))
    with chat(system.port) as talk:
        for number in range(3):
            talk.send(order(id=str(number)))
            assert talk.next().id == str(number)
        talk.end()


def test_a_request_that_is_refused_when_the_response_has_begun_resets_the_stream(system: System) -> None:
    """No status can be said any more: Envoy resets a stream whose response has begun, so that clients see INTERNAL."""
    system.targets.script("/second", ok(), ok(status=500))
    system.set("request", CHAT, system.target("/second"))
    with chat(system.port) as talk:
        talk.send(order(id="chat-1"))
        assert talk.next().id == "chat-1"
        talk.send(order(id="chat-2"))
        with pytest.raises(grpc.RpcError) as raised:
            talk.next()
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert "chat-2" not in {one.id for one in system.shop.orders}


@pytest.mark.parametrize("kind", ["request", "response"])
@pytest.mark.parametrize("path", [WATCH, UPLOAD, CHAT])
def test_a_message_of_one_and_a_half_megabytes_is_changed_and_whole(system: System, kind: str, path: str) -> None:
    system.targets.script("/change", ok(b'{"count": "1"}'))
    system.set(kind, path, system.target("/change"))
    data = bytes(range(250)) * 6000
    outcome = call(system.port, path, order(id="1", count=1, data=data))
    assert outcome.code == 0, outcome
    (receipt,) = outcome.receipts
    assert receipt.count == (0 if (path, kind) == (WATCH, "request") else 1)
    assert system.shop.orders[-1].count == 1
    assert path == UPLOAD or receipt.data == data
    assert system.shop.orders[-1].data == data


def test_a_message_over_the_limit_is_resource_exhausted(system: System) -> None:
    system.set("request", PLACE, system.target("/ok"))
    assert call(system.port, PLACE, order(data=bytes(2_200_000))).code == 8


def test_a_message_that_does_not_parse_is_an_invalid_argument(system: System) -> None:
    system.set("request", PLACE, system.target("/ok"))
    assert raw_call(system.port, PLACE, b"\xff\xff").code == 3


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 12),
        (frame(b"") * 2, 12),
        (b"\0\0", 13),
        (b"\0\0\0\0\5abc", 13),
        (frame(b"") + b"\0", 13),
        (b"\2\0\0\0\0", 13),
        (frame(b"", 1), 13),
    ],
    ids=["nothing", "two messages", "half a prefix", "half a message", "more", "unknown flags", "not compressed"],
)
def test_a_body_that_is_not_one_message_never_reaches_the_service(system: System, body: bytes, code: int) -> None:
    system.set("request", PLACE, system.target("/ok"))
    before = len(system.shop.orders)
    assert raw_body(system.port, PLACE, body)["grpc-status"] == str(code)
    assert len(system.shop.orders) == before


@pytest.mark.parametrize(
    "path", ["/shop.v1.Shop/place", "/shop.v1.Shop/Pl%61ce", "/shop.v1.Shop/Place?x=1", "/shop.v1.Shop/Place/"]
)
def test_another_spelling_of_a_path_does_not_evade_an_execution(system: System, path: str) -> None:
    system.set("request", PLACE, system.target("/status/500"))
    # Some spellings Envoy makes the usual one. The shop does not know the others, but another server may.
    code = raw_body(system.port, path, frame(b""))["grpc-status"]
    assert code in {"9", "12"}
    if code == "12":
        system.wait_for_log("spells differently")


def test_the_bypass_of_actiond_is_none_for_clients_of_other_services(system: System) -> None:
    system.set("request", PLACE, system.target("/status/500"))
    headers = (("actiond-bypass-executions", "true"), ("authorization", f"Bearer {system.admin_token}"))
    assert call(system.port, PLACE, order(id="1"), headers=headers).code == 9


def test_a_method_that_is_not_known_is_refused_where_an_execution_is_for_all(system: System) -> None:
    system.set("request", "all", system.target("/ok"))
    fields = raw_body(system.port, "/other.v1.Other/Call", frame(b""))
    assert fields["grpc-status"] == "14"
    system.wait_for_log("give actiond the service's --descriptor-set")


def test_other_requests_of_http_pass(system: System) -> None:
    system.set("request", "all", system.target("/ok"))
    status, fields, _ = post(system.port, "/index.html", b"", (), "GET")
    assert "actiond" not in fields.get("x-", "")
    assert status != 415


def test_a_request_on_a_methods_path_that_is_not_grpc_is_refused(system: System) -> None:
    system.set("request", CHAT, system.target("/ok"))
    # Envoy takes any POST there for JSON.
    status, _, body = post(system.port, CHAT, b"{}", (("content-type", "application/proto"),), "PUT")
    assert (status, body) == (415, b"the content type must be application/grpc")


def test_json_on_a_methods_path_does_not_evade_an_execution(system: System) -> None:
    system.targets.script("/change", ok(b'{"id": "changed"}'))
    system.set("request", UPLOAD, system.target("/change"))
    orders = b'[{"id": "json-1"}, {"id": "json-2"}]'
    status, _, body = post(system.port, UPLOAD, orders, (("content-type", "application/json"),))
    assert (status, json.loads(body)["id"]) == (200, "changed,changed")

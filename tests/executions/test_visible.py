"""What an operator sees of calls to targets: a line in the log and figures for Prometheus, and never a secret."""

import asyncio
import http.client
import json
import re

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import ListTargetsRequest

from actiond.client.signature import whsec
from tests.executions.api import Api, add_token, condition, of_all, of_service, target
from tests.executions.logs import calls_of, until_ended
from tests.executions.protocols import PROTOCOLS, SERVICE
from tests.executions.signatures import signature_of
from tests.support.metrics import Reading
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.answers import ok
from tests.support.targets.server import TargetServer
from tests.support.waiting import until

LIST = ListTargetsRequest()
MARKER = "a-word-that-is-nowhere-else"


async def test_each_call_of_a_target_is_a_line(each_api: Api, receiver: TargetServer) -> None:
    created = await each_api.target(receiver.url("/ok"))
    await each_api.set(condition("request", "ListTargets"), created)
    for number in range(2):
        assert (await each_api.call(LIST, metadata=(("x-request-id", f"call-{number}"),))).code == 0
    one, two = calls_of(each_api.server, created.id, least=2)
    assert re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{12}Z", one["time"])
    assert one["execution"] == f"request/{SERVICE}/ListTargets"
    assert (one["outcome"], one["status"], one["error"]) == ("ok", "200", "-")
    assert (one["request"], two["request"]) == ("call-0", "call-1"), "each names the call that it was made for"


async def test_a_failure_says_whether_it_was_passed_over(each_api: Api, receiver: TargetServer) -> None:
    passed = await each_api.target(receiver.url("/status/500"), interrupts=False)
    fails = await each_api.target(receiver.url("/status/404"))
    await each_api.set(of_service("request"), passed, fails)
    assert (await each_api.call(LIST)).code == 9
    lines = [line for created in (passed, fails) for line in calls_of(each_api.server, created.id)]
    assert [(line["outcome"], line["status"], line["error"]) for line in lines] == [
        ("ignored", "500", "status"),
        ("failed", "404", "status"),
    ]
    assert lines[0]["request"] == lines[1]["request"]


async def test_the_execution_of_a_line_is_the_one_that_was_met_not_the_one_included(
    api: Api, receiver: TargetServer
) -> None:
    created = await api.target(receiver.url("/ok"))
    await api.set(of_all("response"), created)
    await api.set(of_service("response"), of_all("response"))
    await api.call(LIST)
    assert [line["execution"] for line in calls_of(api.server, created.id)] == [f"response/{SERVICE}"]


async def test_with_a_json_access_log_the_line_is_json(two_workers: ServerProcess, receiver: TargetServer) -> None:
    api = await add_token(two_workers, "the owner of one line")
    created = await api.target(receiver.url("/status/503"), interrupts=False)
    await api.set(of_all("request"), created)
    await api.call(LIST)

    def lines() -> list[str]:
        return [line for line in two_workers.stderr.splitlines() if f'"target":"{created.id}"' in line]

    await asyncio.to_thread(until, lambda: lines() != [], "the call is in the log")
    (said,) = map(json.loads, lines())
    assert said.pop("duration_ms") > 0
    assert said.pop("time").endswith("Z")
    assert said.pop("request_id")
    assert said == {
        "target": created.id,
        "execution": "request",
        "outcome": "ignored",
        "status": 503,
        "error": "status",
    }


async def test_no_line_holds_a_key_a_token_a_body_or_an_address(each_api: Api, receiver: TargetServer) -> None:
    changing, broken = f"/{MARKER}-path?token={MARKER}", f"/{MARKER}-broken"
    receiver.script(changing, ok(b'{"name": "%b-answer"}' % MARKER.encode()))
    receiver.script(broken, ok(b'{"name": ["%b"]}' % MARKER.encode()))
    steps = [
        await each_api.target(receiver.url(changing).replace("//", f"//user:{MARKER}@"), "call"),
        await each_api.target(receiver.url(broken), "call", interrupts=False),
        await each_api.target(receiver.url("/reset"), interrupts=False),
        await each_api.target(receiver.url("/status/500"), "async"),
    ]
    await each_api.set(condition("request"), *steps)
    assert (await each_api.call(target(f"{MARKER}-request"))).code == 0
    for created in steps:
        await until_ended(each_api.server, created.id)
    log = each_api.server.stderr
    digests = [digest for received in receiver.requests for digest in signature_of(received).digests]
    keys = [form for created in steps for form in (created.key, whsec(created.key))]
    secrets = [MARKER, each_api.token, f":{receiver.port}", "127.0.0.1", *keys, *digests]
    assert [secret for secret in secrets if secret in log] == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_calls_and_the_calls_of_targets_are_counted(protocol: str, api: Api, receiver: TargetServer) -> None:
    good = await api.target(receiver.url("/ok"))
    passed = await api.target(receiver.url("/status/500"), interrupts=False)
    fails = await api.target(receiver.url("/leave"))
    await api.set(condition("request", "ListTargets"), good, passed, fails)
    labels = {"method": f"{SERVICE}/ListTargets", "protocol": protocol, "code": "FAILED_PRECONDITION"}
    before = scrape(api.server)("actiond_calls_total", **labels) or 0
    for _ in range(3):
        assert (await api.over(protocol).call(LIST)).code == 9
    reading = scrape(api.server)
    assert reading("actiond_calls_total", **labels) == before + 3
    counted = [(good, "ok"), (passed, "status"), (fails, "connect")]
    for created, outcome in counted:
        assert reading("actiond_target_calls_total", target=created.id, outcome=outcome) == 3
    assert reading("actiond_target_failures_ignored_total", target=passed.id) == 3
    assert reading("actiond_target_failures_ignored_total", target=fails.id) is None
    assert (reading("actiond_target_call_duration_seconds_count", outcome="connect") or 0) >= 3


def scrape(server: ServerProcess) -> Reading:
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        assert response.status == 200
        return Reading(response.read())
    finally:
        connection.close()

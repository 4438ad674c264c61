"""What can go wrong while events are delivered, and what must happen then: a real server, a real receiver, SQLite."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from actiond.client.signature import HEADER, verify
from tests.support.clients.json_api import JsonApi, LostResponseError, on_event
from tests.support.servers.actiond import ServerProcess, clean_environment
from tests.support.servers.connections import peer_process
from tests.support.servers.deliveries import (
    LEASE,
    QUICK,
    content_of,
    only_delivery,
    outcomes,
    until_content,
    until_settled,
)
from tests.support.targets.answers import held, ok
from tests.support.targets.exchanges import Exchange
from tests.support.targets.receiver import ReceiverProcess
from tests.support.targets.server import TargetServer
from tests.support.waiting import until

ADDED = on_event("target.added")
AT_ONCE = LEASE * 2 / 3
"""Seconds. What takes less did not wait for a lease."""
PUBLISH = "/v1/events:publish"
PATIENT = "600s"
"""A timeout that does not pass."""


@pytest.fixture
def receiver() -> Iterator[TargetServer]:
    with TargetServer() as server:
        yield server


def delivering(server: ServerProcess, *endpoints: str) -> tuple[JsonApi, list[str]]:
    """Let new targets get each `target.added` from now on, and return their ids."""
    api = JsonApi.of(server)
    target_ids = [api.create_target(endpoint, timeout=PATIENT)["id"] for endpoint in endpoints]
    api.set_execution(ADDED, *target_ids)
    return api, target_ids


def received(receiver: TargetServer) -> list[tuple[str | None, str | None, bytes]]:
    """Return the id, the attempt's number and the body of each request."""
    return [(each.header("webhook-id"), each.header("actiond-attempt"), each.body) for each in receiver.requests]


def names_at(receiver: TargetServer, path: str) -> list[str]:
    """Return the names of the targets whose creation was delivered to a path."""
    return [json.loads(each.body)["event_payload"]["name"] for each in receiver.requests if each.path == path]


def caller_of(exchange: Exchange, server: ServerProcess) -> int:
    """Return the id of the process that sent a request."""
    return peer_process(exchange.writer.get_extra_info("peername")[1], server.children() or [server.pid])


# The server is killed.


def test_an_event_whose_process_is_killed_before_it_is_claimed_is_claimed_by_another_at_once(
    tmp_path: Path, receiver: TargetServer
) -> None:
    server = ServerProcess(tmp_path, *QUICK, "--deliveries", "0").start()
    api, _ = delivering(server, receiver.url("/ok"))
    api.create_target()
    assert only_delivery(content_of(server)).attempts == 0
    server.kill()
    with ServerProcess(tmp_path, *QUICK) as server:
        started = time.monotonic()
        receiver.wait_until(lambda: len(receiver.requests) == 1)
        assert time.monotonic() - started < AT_ONCE
        assert outcomes(until_settled(server)) == ["ok"]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_attempt_whose_process_is_killed_is_lost_and_made_anew_after_the_lease(
    tmp_path: Path, receiver: TargetServer, workers: int
) -> None:
    receiver.script("/hook", held, ok())
    server = ServerProcess(tmp_path, *QUICK, workers=workers).start()
    api, _ = delivering(server, receiver.url("/hook"))
    api.create_target()
    receiver.wait_until(lambda: len(receiver.requests) == 1)
    seen = time.time()
    server.kill()
    with ServerProcess(tmp_path, *QUICK, workers=workers) as server:
        content = until_settled(server)
    assert outcomes(content) == ["lost", "ok"]
    assert content.attempts[1].at_ms / 1000 > seen + AT_ONCE
    (first, second) = received(receiver)
    assert (first[1], second[1]) == ("1", "2")
    assert (first[0], first[2]) == (second[0], second[2])


def test_what_a_killed_process_had_parked_for_want_of_places_is_attempted_by_the_next_without_delay(
    tmp_path: Path, receiver: TargetServer
) -> None:
    with ServerProcess(tmp_path, *QUICK, "--deliveries", "0") as server:
        api, _ = delivering(server, receiver.url("/seconds/0.2"))
        for _ in range(200):
            api.create_target()
    server = ServerProcess(tmp_path, *QUICK).start()
    receiver.wait_until(lambda: len(receiver.requests) > 40)
    server.kill()
    assert content_of(server).has_parked()
    with ServerProcess(tmp_path, *QUICK) as server:
        started = time.monotonic()
        # Those that were parked, at 32 places; then the lease of those that were being attempted.
        content = until_settled(server, 60)
        assert time.monotonic() - started < 2 * LEASE
    assert [attempt.outcome for attempt in content.attempts if attempt.outcome != "lost"] == ["ok"] * 200


@pytest.mark.parametrize("workers", [1, 2])
def test_a_worker_that_is_killed_between_the_2xx_response_and_the_result_sends_a_duplicate_with_the_same_id(
    tmp_path: Path, receiver: TargetServer, workers: int
) -> None:
    async def respond_and_kill(exchange: Exchange) -> None:
        worker = caller_of(exchange, server)
        os.kill(worker, signal.SIGSTOP)  # so that it does not read the response
        await exchange.answer(200)
        os.kill(worker, signal.SIGKILL)

    receiver.script("/hook", respond_and_kill, ok())
    server = ServerProcess(tmp_path, *QUICK, workers=workers).start()
    api, _ = delivering(server, receiver.url("/hook"))
    api.create_target()
    if workers == 1:
        server.wait()
        server = ServerProcess(tmp_path, *QUICK).start()
    receiver.wait_until(lambda: len(receiver.requests) == 2)
    content = until_settled(server)
    assert server.stop() == 0
    assert outcomes(content) == ["lost", "ok"]
    (first, second) = received(receiver)
    assert (first[0], first[2]) == (second[0], second[2])


def test_a_message_that_kills_its_worker_is_dead_after_its_tries_and_others_go_on(
    tmp_path: Path, receiver: TargetServer
) -> None:
    async def kill_if_poison(exchange: Exchange) -> None:
        if b'"poison"' in exchange.received.body:
            os.kill(caller_of(exchange, server), signal.SIGKILL)
        else:
            await exchange.answer(200)

    receiver.script("/hook", kill_if_poison)
    with ServerProcess(tmp_path, *QUICK, "--retry-delays", "100ms,100ms", workers=2) as server:
        api, _ = delivering(server, receiver.url("/hook"))
        api.create_target(name="poison")
        others = _created_between_kills(api, 10)
        receiver.wait_until(lambda: names_at(receiver, "/hook").count("poison") == 2)
        others |= _created_between_kills(api, 10)
        content = until_settled(server, 30)
    poison = only_delivery(content)
    assert (poison.state, poison.reason, poison.tries) == ("dead", "lost", 3)
    assert outcomes(content, poison.id) == ["lost"] * 3
    assert set(names_at(receiver, "/hook")) >= others


def _created_between_kills(api: JsonApi, least: int) -> set[str]:
    """Create targets, although the worker that is asked may just be killed, and return the names of some."""
    names: set[str] = set()
    for number in count():
        name = f"other {number} of {len(names)} {least} {id(names)}"
        try:
            api.create_target(name=name)
        except LostResponseError:
            continue
        names.add(name)
        if len(names) == least:
            return names
    raise AssertionError


# The receiver fails.


@pytest.mark.parametrize(("path", "outcome"), [("/half_head", "connect"), ("/half_body", "protocol")])
def test_an_attempt_whose_receiver_is_killed_in_the_middle_of_its_response_is_made_again(
    tmp_path: Path, path: str, outcome: str
) -> None:
    with ReceiverProcess(tmp_path) as receiver, ServerProcess(tmp_path, *QUICK) as server:
        api, [target_id] = delivering(server, receiver.url(path))
        api.create_target()
        until(lambda: len(receiver.log().requests) == 1, "the attempt arrives")
        receiver.kill()
        api.update_target(target_id, endpoint=receiver.url("/ok"))
        receiver.start()
        content = until_settled(server)
        requests = receiver.log().requests
    assert outcomes(content)[0] == outcome
    assert outcomes(content)[-1] == "ok"
    assert len({(request.delivery_id, request.digest) for request in requests}) == 1


def test_a_target_that_is_slow_holds_its_places_and_no_more_and_others_flow(
    tmp_path: Path, receiver: TargetServer
) -> None:
    with ServerProcess(tmp_path, *QUICK, "--deliveries-per-target", "4") as server:
        api, [slow, fast] = delivering(server, receiver.url("/hold"), receiver.url("/ok"))
        for _ in range(20):
            api.create_target()
        receiver.wait_until(lambda: receiver.paths().count("/ok") == 20)
        content = until_content(server, lambda content: len(content.deliveries) == 20, "the fast target has it all")
        assert {delivery.target_id for delivery in content.deliveries} == {slow}
        assert [delivery.state for delivery in content.deliveries if delivery.claim] == ["waiting"] * 4
        assert [delivery.state for delivery in content.deliveries if not delivery.claim] == ["parked"] * 16
        assert receiver.paths().count("/hold") == 4
        released = time.monotonic()
        receiver.release()
        content = until_settled(server)
        assert time.monotonic() - released < AT_ONCE
    assert {attempt.outcome for attempt in content.attempts} == {"ok"}
    assert fast in {attempt.target_id for attempt in content.attempts}
    assert len(content.attempts) == len(receiver.requests) == 40


def test_an_attempt_that_takes_longer_than_the_lease_keeps_its_claim(tmp_path: Path, receiver: TargetServer) -> None:
    with ServerProcess(tmp_path, *QUICK, workers=2) as server:
        api, _ = delivering(server, receiver.url("/hold"))
        api.create_target()
        receiver.wait_until(lambda: len(receiver.requests) == 1)
        first = only_delivery(content_of(server))
        assert first.due_ms is not None
        until(lambda: time.time() * 1000 > (first.due_ms or 0), "the first lease is over")
        receiver.release()
        assert outcomes(until_settled(server)) == ["ok"]
    assert len(receiver.requests) == 1


# What a delivery needs has changed.


def test_an_execution_that_is_changed_between_event_and_attempt_changes_nothing_for_that_event(
    tmp_path: Path, receiver: TargetServer
) -> None:
    with ServerProcess(tmp_path, *QUICK, "--deliveries", "0") as server:
        api, [former] = delivering(server, receiver.url("/former"))
        api.create_target(name="before")
        later = api.create_target(receiver.url("/later"), name="later")["id"]
        api.set_execution(ADDED, later)
        api.create_target(name="after")
    for path in ("/former", "/later"):
        receiver.script(path, ok())
    with ServerProcess(tmp_path, *QUICK) as server:
        content = until_settled(server)
    assert sorted(names_at(receiver, "/former")) == ["before", "later"]
    assert names_at(receiver, "/later") == ["after"]
    assert [attempt.target_id for attempt in content.attempts] == [former, former, later]


def test_an_execution_that_is_deleted_before_the_attempt_leaves_what_waits_alone(
    tmp_path: Path, receiver: TargetServer
) -> None:
    with ServerProcess(tmp_path, *QUICK, "--deliveries", "0") as server:
        api, _ = delivering(server, receiver.url("/ok"))
        api.create_target(name="before")
        api.call("DELETE", "/v3alpha/executions", {"condition": ADDED})
        api.create_target(name="after")
    with ServerProcess(tmp_path, *QUICK) as server:
        until_settled(server)
    assert names_at(receiver, "/ok") == ["before"]


def test_a_target_that_is_deleted_before_the_attempt_leaves_its_deliveries_dead_and_listed(
    tmp_path: Path, receiver: TargetServer
) -> None:
    with ServerProcess(tmp_path, *QUICK, "--deliveries", "0") as server:
        api, [target_id] = delivering(server, receiver.url("/ok"))
        for _ in range(3):
            api.create_target()
        api.delete_target(target_id)
    with ServerProcess(tmp_path, *QUICK) as server:
        content = until_settled(server)
    assert [(each.state, each.reason) for each in content.deliveries] == [("dead", "target_removed")] * 3
    assert receiver.requests == []


def test_a_lost_encryption_key_pauses_the_target_until_it_has_a_new_key(tmp_path: Path, receiver: TargetServer) -> None:
    keys = [b64encode(secrets.token_bytes(32)).decode() for _ in range(2)]
    with ServerProcess(tmp_path, *QUICK, environment={"ACTIOND_ENCRYPTION_KEY": keys[0]}) as server:
        _, [target_id] = delivering(server, receiver.url("/ok"))
    lost = {"ACTIOND_ENCRYPTION_KEY": keys[1]}
    with ServerProcess(tmp_path, *QUICK, "--pause-after", "2,1ms", environment=lost) as server:
        JsonApi.of(server).create_target()
        content = until_content(server, lambda content: content.has_parked(), "the target is paused")
        assert {attempt.outcome for attempt in content.attempts} == {"key_unavailable"}
        assert len(content.attempts) >= 2
        key = _rotate_key(server, target_id, lost)
        until_settled(server, 30)  # a pause takes some ten seconds
    [request] = receiver.requests
    verify(request.header(HEADER) or "", request.body, key)


def _rotate_key(server: ServerProcess, target_id: str, environment: dict[str, str]) -> str:
    """Return the target's new key, made by the command."""
    command = [sys.executable, "-m", "actiond", "target", "rotate-key", target_id, "--overlap", "0s"]
    variables = clean_environment(ACTIOND_DATA_DIR=str(server.data_dir), **environment)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.removesuffix("\n")


# An event is published twice.


def test_an_event_that_is_published_twice_is_one_event_that_is_delivered_once(
    tmp_path: Path, receiver: TargetServer
) -> None:
    event = {"type": "order.placed", "aggregateType": "order", "aggregateId": "7", "eventId": "the-id", "payload": {}}
    arguments = (*QUICK, "--event-type", "order.placed")
    with ServerProcess(tmp_path, *arguments, workers=2) as server:
        api = JsonApi.of(server)
        api.set_execution(on_event("order.placed"), api.create_target(receiver.url("/ok"))["id"])
        with ThreadPoolExecutor(8) as pool:
            responses = list(pool.map(lambda _: JsonApi.of(server).call("POST", PUBLISH, event), range(40)))
        server.kill()
    with ServerProcess(tmp_path, *arguments, workers=2) as server:
        responses.append(JsonApi.of(server).call("POST", PUBLISH, event))
        content = until_settled(server)
    assert Counter(response.get("created", False) for response in responses) == {True: 1, False: 40}
    assert {response["sequence"] for response in responses} == {"1"}
    assert [stored.key for stored in content.events.values() if stored.type == "order.placed"] == [("order", "7", 1)]
    assert len({each.header("webhook-id") for each in receiver.requests}) == 1


# Logs.


def test_neither_log_nor_attempts_hold_a_body_an_address_or_a_header(tmp_path: Path, receiver: TargetServer) -> None:
    secret = "hunter2"
    arguments = [*QUICK, "--log-level", "debug", "--access-log", "json", "--retry-delays", "50ms,50ms"]
    receiver.script("/status", ok(secret.encode(), ("x-secret", secret), status=500))
    receiver.script("/ok", ok(secret.encode(), ("x-secret", secret)))
    endpoints = [receiver.url(f"{path}?{secret}") for path in ("/ok", "/status/500", "/reset", "/garbage", "/redirect")]
    endpoints += [f"http://{secret}:{secret}@127.0.0.1:{receiver.port}/ok", f"http://{secret}.invalid/{secret}"]
    with ServerProcess(tmp_path, *arguments) as server:
        api, _ = delivering(server, *endpoints)
        api.create_target(f"https://example.com/{secret}", name=secret)
        content = until_settled(server)
    stderr = server.stderr
    kinds = {attempt.outcome for attempt in content.attempts}
    assert kinds >= {"ok", "status", "connect", "protocol"}
    assert stderr.count('"target"') >= len(content.attempts)
    assert secret not in stderr
    assert secret not in repr(content.attempts)
    assert any(secret in request.path for request in receiver.requests)

"""Targets that fail, each in its own way: with interruptOnError the call fails, without it life goes on."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import ListTargetsRequest
from actiond_protos.zitadel.v1 import error_detail_pb2
from google.rpc import error_details_pb2

from actiond.client.signature import HEADER, verify
from tests.executions.api import FAILED, Api, Created, condition, names, target
from tests.executions.conftest import LARGEST_ANSWER
from tests.executions.logs import outcomes
from tests.support.targets.answers import ok
from tests.support.targets.certificates import Authority
from tests.support.targets.server import TargetServer

SHORT = 0.25
"""Seconds of a timeout that is to pass."""


@dataclass(frozen=True)
class Fault:
    """A bad target: its path, and the kind of error that the log names."""

    path: str
    error: str
    seconds: float = 60.0
    kind: str = "call"


FAULTS = {
    "answers 500": Fault("/status/500", "status"),
    "answers 404": Fault("/not_found", "status"),
    "answers 304": Fault("/status/304", "status"),
    "redirects": Fault("/redirect", "status"),
    "is slow": Fault("/hold", "timeout", SHORT),
    "hangs in the middle of the head": Fault("/half_head", "timeout", SHORT),
    "hangs in the middle of the body": Fault("/half_body", "timeout", SHORT),
    "drips its body": Fault("/drip", "timeout", SHORT),
    "drips its head": Fault("/drip_head", "timeout", SHORT),
    "drips the body of a webhook": Fault("/drip", "timeout", SHORT, "webhook"),
    "resets": Fault("/reset", "connect"),
    "closes without a word": Fault("/leave", "connect"),
    "cuts its body": Fault("/cut_body", "protocol"),
    "speaks another protocol": Fault("/garbage", "protocol"),
    "is huge": Fault(f"/size/{LARGEST_ANSWER + 1}", "too_large"),
    "has no end": Fault("/endless", "too_large"),
    "has an endless head": Fault("/endless_head", "protocol"),
    "answers invalid JSON": Fault("/invalid_json", "bad_response"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_bad_target_that_interrupts_fails_the_call_before_the_method_runs(
    fault: Fault, any_api: Api, receiver: TargetServer
) -> None:
    bad = await any_api.target(receiver.url(fault.path), fault.kind, seconds=fault.seconds)
    await any_api.set(condition("request"), bad, await any_api.target(receiver.url("/ok")))
    answer = await any_api.call(target("never made"))
    assert answer.end == FAILED
    assert receiver.paths() == [fault.path]
    assert "never made" not in await names(any_api)
    assert outcomes(any_api.server, bad.id) == [("failed", fault.error)]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_bad_target_that_does_not_interrupt_is_ignored(
    fault: Fault, any_api: Api, receiver: TargetServer
) -> None:
    bad = await any_api.target(receiver.url(fault.path), fault.kind, interrupts=False, seconds=fault.seconds)
    await any_api.set(condition("request"), bad, await any_api.target(receiver.url("/empty")))
    answer = await any_api.call(target("made"))
    assert answer.code == 0
    first, second = (json.loads(request.body) for request in receiver.requests)
    assert first == second, "the next target gets the same message"
    assert "made" in await names(any_api)
    assert outcomes(any_api.server, bad.id) == [("ignored", fault.error)]


async def test_the_error_of_an_interrupted_call(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/secret-path", ok(b"the body of the target", ("x-secret", "of the target"), status=500))
    await each_api.set(condition("request"), await each_api.target(receiver.url("/secret-path")))
    answer = await each_api.call(target("never made"))
    assert answer.end == FAILED
    assert answer.detail(error_detail_pb2.ErrorDetail) == error_detail_pb2.ErrorDetail(
        id="EXEC-dra6yamk98", message="Execution failed"
    )
    assert answer.detail(error_details_pb2.ErrorInfo) == error_details_pb2.ErrorInfo(
        reason="EXECUTION_FAILED", domain="actiond"
    )
    (link,) = answer.detail(error_details_pb2.Help).links
    for word in ("actiond-bypass-executions: true", "execution.bypass", "actiond execution delete"):
        assert word in link.description
    assert len(answer.status.details) == 3


async def test_no_byte_of_the_error_is_the_targets(each_api: Api, receiver: TargetServer) -> None:
    receiver.script("/secret-path", ok(b"the body of the target", ("x-secret", "of the target"), status=500))
    created = await each_api.target(receiver.url("/secret-path"))
    await each_api.set(condition("request"), created)
    answer = await each_api.call(target("never made"))
    assert answer.end == FAILED
    for secret in ("of the target", "secret", "127.0.0.1", f":{receiver.port}", created.id, created.key):
        assert secret.encode() not in answer.raw


async def test_a_response_execution_fails_the_call_after_the_method_has_taken_effect(
    each_api: Api, receiver: TargetServer
) -> None:
    await each_api.set(condition("response"), await each_api.target(receiver.url("/status/503")))
    answer = await each_api.call(target("made all the same"))
    assert answer.end == FAILED
    assert "made all the same" in await names(each_api)


async def test_the_signing_key_comes_with_the_failure_when_the_target_was_made_all_the_same(
    each_api: Api, receiver: TargetServer
) -> None:
    await each_api.set(condition("response"), await each_api.target(receiver.url("/status/503")))
    answer = await each_api.call(target("made all the same", endpoint=receiver.url("/ok")))
    assert answer.end == FAILED
    (found,) = [one for one in (await each_api.look(ListTargetsRequest())).result if one.name == "made all the same"]
    await each_api.set(condition("request"), Created(found.target_id, ""))
    await each_api.call(target("another"))
    received = next(request for request in receiver.requests if request.path == "/ok")
    verify(received.header(HEADER), received.body, str(answer.trailing["actiond-signing-key"]))


async def test_a_response_execution_that_does_not_interrupt_changes_nothing(
    each_api: Api, receiver: TargetServer
) -> None:
    await each_api.set(condition("response"), await each_api.target(receiver.url("/status/503"), interrupts=False))
    assert (await each_api.call(target("made"))).response.details.sequence == 1


async def test_the_first_error_of_several_targets_ends_the_execution(each_api: Api, receiver: TargetServer) -> None:
    passed = await each_api.target(receiver.url("/status/500"), interrupts=False)
    fails = await each_api.target(receiver.url("/status/501"))
    later = await each_api.target(receiver.url("/status/502"))
    await each_api.set(condition("request"), passed, fails, later)
    assert (await each_api.call(target("never made"))).end == FAILED
    assert receiver.paths() == ["/status/500", "/status/501"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_status_of_2xx_is_success(status: int, api: Api, receiver: TargetServer) -> None:
    await api.set(condition("request"), await api.target(receiver.url(f"/status/{status}")))
    assert (await api.call(target("made"))).code == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_never_followed(status: int, api: Api, receiver: TargetServer) -> None:
    with TargetServer() as second:
        receiver.script("/redirect", ok(b"", ("location", second.url("/ok")), status=status))
        await api.set(condition("request"), await api.target(receiver.url("/redirect")))
        assert (await api.call(target("never made"))).end == FAILED
        assert second.accepted == 0


@pytest.mark.parametrize("path", ["/http10", "/chunked", "/close_after", "/cookie"])
async def test_these_targets_are_good(path: str, api: Api, receiver: TargetServer) -> None:
    await api.set(condition("request"), await api.target(receiver.url(path)))
    # Twice: a connection that was not to be kept must not be missed.
    assert [(await api.call(target(name))).code for name in ("one", "two")] == [0, 0]
    assert receiver.paths() == [path, path]


async def test_a_connection_that_nobody_takes_is_an_error(each_api: Api, dead_end: str) -> None:
    created = await each_api.target(dead_end)
    await each_api.set(condition("request"), created)
    assert (await each_api.call(target("never made"))).end == FAILED
    assert outcomes(each_api.server, created.id) == [("failed", "connect")]


async def test_a_name_that_does_not_resolve_is_an_error(api: Api) -> None:
    created = await api.target("http://nothing.invalid/")
    await api.set(condition("request"), created)
    assert (await api.call(target("never made"))).end == FAILED
    assert outcomes(api.server, created.id) == [("failed", "connect")]


@pytest.fixture(scope="module")
def secure(authority: Authority) -> Iterator[dict[str, TargetServer]]:
    """HTTPS targets by what is to be said of their certificate."""
    contexts = {
        "good": authority.good(),
        "expired": authority.expired(),
        "of another host": authority.of_another_host(),
        "self-signed": authority.self_signed(),
    }
    with ExitStack() as stack:
        yield {name: stack.enter_context(TargetServer(tls=context)) for name, context in contexts.items()}


async def test_a_good_certificate_is_taken(each_api: Api, secure: dict[str, TargetServer]) -> None:
    await each_api.set(condition("request"), await each_api.target(secure["good"].url("/ok")))
    assert (await each_api.call(target("made"))).code == 0


@pytest.mark.parametrize("certificate", ["expired", "of another host", "self-signed"])
async def test_a_bad_certificate_is_an_error_and_the_payload_is_not_sent(
    certificate: str, api: Api, secure: dict[str, TargetServer]
) -> None:
    created = await api.target(secure[certificate].url("/ok"))
    await api.set(condition("request"), created)
    assert (await api.call(target("never made"))).end == FAILED
    assert secure[certificate].requests == []
    assert outcomes(api.server, created.id) == [("failed", "tls")]


async def test_a_bad_certificate_is_ignored_without_interrupt(api: Api, secure: dict[str, TargetServer]) -> None:
    created = await api.target(secure["expired"].url("/ok"), interrupts=False)
    await api.set(condition("request"), created)
    assert (await api.call(target("made"))).code == 0


async def test_failures_of_many_calls_at_once_are_each_callers_own(api: Api, receiver: TargetServer) -> None:
    await api.set(condition("request"), await api.target(receiver.url("/status/503")))
    await api.set(condition("request", "ListTargets"), await api.target(receiver.url("/ok")))
    requests = [target("never made"), ListTargetsRequest()] * 10
    answers = await asyncio.gather(*(api.call(request) for request in requests))
    assert [answer.code for answer in answers] == [9, 0] * 10

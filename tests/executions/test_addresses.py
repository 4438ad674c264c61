"""The address guard as its users meet it: those who make targets, those who call, and the operator."""

from collections.abc import Iterator

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import (
    CreateTargetRequest,
    GetTargetByIDRequest,
    UpdateTargetRequest,
)
from google.rpc import error_details_pb2

from tests.executions.api import FAILED, Api, add_token, condition, new_owner, target
from tests.executions.conftest import DENIED
from tests.executions.logs import outcomes
from tests.executions.protocols import PROTOCOLS, Answer
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.server import TargetServer

NAME = "loopback.example"
"""To the guarded server's system this is 127.0.0.1, as a line in its /etc/hosts would have it."""
RESOLVER = """
import socket

ask = socket.getaddrinfo


def getaddrinfo(host, *arguments, **options):
    return ask("127.0.0.1" if host == "loopback.example" else host, *arguments, **options)


socket.getaddrinfo = getaddrinfo
"""


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Without a setting that says where targets may be."""
    directory = tmp_path_factory.mktemp("guarded")
    (directory / "sitecustomize.py").write_text(RESOLVER)
    with ServerProcess(directory, environment={"PYTHONPATH": str(directory)}) as server:
        yield server


@pytest.fixture(params=PROTOCOLS)
def guarded(guarded_server: ServerProcess, request: pytest.FixtureRequest) -> Api:
    """A client of that server, over each protocol."""
    return new_owner(guarded_server).over(request.param)


def refused_endpoint(answer: Answer) -> str:
    """Why an endpoint is refused, by the one violation that the error names."""
    assert answer.code == 3
    assert answer.detail(error_details_pb2.ErrorInfo).reason == "ENDPOINT_NOT_ALLOWED"
    (violation,) = answer.detail(error_details_pb2.BadRequest).field_violations
    assert violation.field == "endpoint"
    return str(violation.description)


async def test_a_target_on_this_machine_is_refused_when_it_is_made(guarded: Api) -> None:
    answer = await guarded.call(target("never made", endpoint="http://127.0.0.1/"))
    assert refused_endpoint(answer) == "127.0.0.1 is loopback (127.0.0.0/8)"


async def test_a_target_on_this_machine_is_refused_when_it_is_changed(guarded: Api) -> None:
    created = await guarded.target("https://example.com/hook")
    answer = await guarded.call(UpdateTargetRequest(target_id=created.id, endpoint="http://127.0.0.1/"))
    assert refused_endpoint(answer) == "127.0.0.1 is loopback (127.0.0.0/8)"
    kept = await guarded.look(GetTargetByIDRequest(target_id=created.id))
    assert (kept.target.endpoint, kept.target.details.sequence) == ("https://example.com/hook", 1)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://localhost/",
        "http://127.1/",
        "http://2130706433/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://10.0.0.1/",
        "http://192.168.1.1:8080/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[fe80::1]/",
        "http://user:password@127.0.0.1/",
    ],
)
async def test_these_endpoints_are_refused_without_a_setting(endpoint: str, guarded_server: ServerProcess) -> None:
    client = await add_token(guarded_server, "1")
    reason = refused_endpoint(await client.call(target("never made", endpoint=endpoint)))
    assert "password" not in reason


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("http://us%3Aer:pw@example.com/", "user name contains a colon"),
        ("https://example.com../", "neither a name nor an address"),
        (f"https://{'a' * 64}.example/", "neither a name nor an address"),
        (f"https://{'a.' * 127}example/", "neither a name nor an address"),
    ],
)
async def test_what_can_never_be_called_is_refused_when_it_is_made_and_when_it_is_changed(
    endpoint: str, reason: str, guarded_server: ServerProcess
) -> None:
    client = await add_token(guarded_server, "1")
    assert reason in refused_endpoint(await client.call(target("never made", endpoint=endpoint)))
    created = await client.target("https://example.com/hook")
    changed = await client.call(UpdateTargetRequest(target_id=created.id, endpoint=endpoint))
    assert reason in refused_endpoint(changed)


async def test_a_name_that_does_not_resolve_is_taken(guarded: Api) -> None:
    assert (await guarded.call(target("made", endpoint="http://not-yet.invalid/hook"))).code == 0


async def test_a_name_that_resolves_to_this_machine_is_taken_and_not_called(
    guarded: Api, receiver: TargetServer
) -> None:
    created = await guarded.target(receiver.url("/ok", host=NAME))
    await guarded.set(condition("request"), created)
    answer = await guarded.call(target("never made"))
    assert answer.end == FAILED
    assert receiver.accepted == 0
    assert outcomes(guarded.server, created.id) == [("failed", "address_denied")]
    for secret in (NAME, "127.0.0.1", "loopback", f":{receiver.port}"):
        assert secret.encode() not in answer.raw


async def test_a_target_on_an_address_that_the_operator_allows_is_called(each_api: Api, receiver: TargetServer) -> None:
    created = await each_api.target(receiver.url("/ok"))
    await each_api.set(condition("request"), created)
    assert (await each_api.call(target("made"))).code == 0
    assert receiver.paths() == ["/ok"]


async def test_a_denied_address_within_allowed_ones_stays_denied(each_api: Api) -> None:
    request: CreateTargetRequest = target("never made", endpoint=f"http://{DENIED}/")
    assert DENIED in refused_endpoint(await each_api.call(request))


async def test_what_is_not_allowed_stays_denied(each_api: Api) -> None:
    refused_endpoint(await each_api.call(target("never made", endpoint="http://10.0.0.1/")))


def test_the_server_says_where_targets_may_be(server: ServerProcess, guarded_server: ServerProcess) -> None:
    said = "targets are also allowed at"
    assert f"{said} 127.0.0.0/8 (--allow-address)" in server.stderr
    assert said not in guarded_server.stderr

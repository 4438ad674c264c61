"""What the documents let a reader paste is pasted, against a server as `make run` starts it."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpc_tools import protoc

from tests.support.programs import PATH
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess, clean_environment
from tests.support.servers.ports import free_port
from tests.support.targets.answers import ok
from tests.support.targets.server import TargetServer

README = (Path(__file__).parents[1] / "README.md").read_text()
_BEGINNING, _, _REST = (
    (Path(__file__).parents[1] / "docs" / "executions.md").read_text().partition("<!-- other-services -->")
)
OTHER_SERVICES, _, _END = _REST.partition("<!-- /other-services -->")
_BEFORE, _, _REST = _END.partition("<!-- zitadel-names -->")
ZITADEL_NAMES, _, _AFTER = _REST.partition("<!-- /zitadel-names -->")
EXECUTIONS = _BEGINNING + _BEFORE + _AFTER
MAKEFILE = (Path(__file__).parents[1] / "Makefile").read_text()


def blocks(text: str, language: str = "sh") -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def steps() -> list[str]:
    walk, _, _ = README.partition("<!-- walk-through -->")[2].partition("<!-- /walk-through -->")
    return blocks(walk)


def paste(script: str, server: ServerProcess, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the script in bash, where the server runs, and with its address in place of the default one."""
    return subprocess.run(
        ["bash", "-eu", "-c", script.replace("http://127.0.0.1:8080", server.http_url)],
        cwd=server.directory,
        env=clean_environment(PATH=PATH, **variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    flags = re.search(r"@exec \$\(BIN\)/actiond serve (.*)", MAKEFILE)
    assert flags
    with ServerProcess(tmp_path, *flags[1].split(), data_dir=tmp_path / "data", token=None) as server:
        yield server


def test_a_newcomer_sees_a_request_changed_by_an_endpoint_and_an_event_delivered_to_it(server: ServerProcess) -> None:
    script = "\n".join(steps()).replace("'the admin token'", '"$(cat data/admin-token)"')
    # If a step fails, the endpoint must not outlive the shell.
    script = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + script.replace("9000", str(free_port()))
    done = paste(script, server)
    assert (done.returncode, done.stderr) == (0, "")
    bound, sent, made, listed, unbound, bound_to_event, made_again, event, *undone = map(
        json.loads, done.stdout.splitlines()
    )
    assert [target["name"] for target in listed["targets"]] == ["named by the target"]
    assert list(made) == ["id", "creationDate", "signingKey"]
    assert [list(reply) for reply in (bound, unbound, bound_to_event, *undone)] == [
        *[["setDate"]] * 4,
        ["deletionDate"],
    ]
    shown = json.loads(re.search(r"```\n(\{\"fullMethod.*\})\n```", README)[1])  # type: ignore[index]  # it is there
    for one in (sent, shown):
        assert one.pop("instanceID") == one.pop("orgID")
        assert one["headers"].pop("host")
    assert sent == shown
    shown_event = json.loads(re.search(r"```\n(\{\"aggregateID.*\})\n```", README)[1])  # type: ignore[index]  # likewise
    assert event["aggregateID"] == made_again["id"]
    for varying in ("aggregateID", "resourceOwner", "instanceID", "created_at"):
        assert event.pop(varying)
        shown_event.pop(varying)
    assert event == shown_event


DEAD = '{"name": "dead", "restWebhook": {"interruptOnError": true}, "timeout": "1s", "endpoint": "http://127.0.0.1:1/"}'
CURL = 'curl -sS -H "Authorization: Bearer $TOKEN" http://127.0.0.1:8080/v2/actions/targets'
CREATE = f"{CURL} -H 'Content-Type: application/json' -d '{DEAD}'"
GET = f"{CURL}/$ID"


@pytest.fixture
def broken(server: ServerProcess, tmp_path: Path) -> dict[str, str]:
    """Bind a dead target to all requests, as the page does; return the page's variables."""
    variables = {"TOKEN": (tmp_path / "data" / "admin-token").read_text().strip()}
    variables["ID"] = json.loads(paste(CREATE, server, **variables).stdout)["id"]
    bind, _, _ = blocks(EXECUTIONS)
    assert "setDate" in json.loads(paste(bind, server, **variables).stdout)
    assert "EXEC-dra6yamk98" in paste(GET, server, **variables).stdout
    return variables


def test_a_broken_execution_is_deleted_by_a_caller_who_may_bypass_it(
    server: ServerProcess, broken: dict[str, str]
) -> None:
    _, _, delete = blocks(EXECUTIONS)
    done = paste(delete, server, **broken)
    assert "setDate" in json.loads(done.stdout)
    assert json.loads(paste(GET, server, **broken).stdout)["target"]["name"] == "dead"


def test_a_broken_execution_is_deleted_on_the_server(server: ServerProcess, broken: dict[str, str]) -> None:
    (session,) = (block for block in blocks(EXECUTIONS, "console") if "execution delete" in block)
    commands = re.findall(r"^\$ (.*)$", session, re.MULTILINE)
    shown = re.sub(r"^\$ .*\n", "", session, flags=re.MULTILINE)
    done = paste("\n".join(commands), server, **broken)
    assert done.returncode == 0
    assert re.sub(r"[0-9]{18}", broken["ID"], shown) == done.stdout + done.stderr
    assert json.loads(paste(GET, server, **broken).stdout)["target"]["name"] == "dead"


def test_another_service_has_its_calls_changed_and_tried_out(tmp_path: Path) -> None:
    (proto,) = blocks(OTHER_SERVICES, "proto")
    (tmp_path / "shop.proto").write_text(proto)
    (session,) = blocks(OTHER_SERVICES, "console")
    describe, start = re.findall(r"^\$ (.*)$", session, re.MULTILINE)
    # The shell is in the directory, and the test is not.
    compiled = describe.replace("out=", f"out={tmp_path}/").split()
    assert protoc.main([*compiled, f"-I{tmp_path}"]) == 0
    flags = start.removeprefix("actiond serve ").split()
    with TargetServer() as receiver, ServerProcess(tmp_path, *flags) as server:
        receiver.script("/", ok(b'{"count": 2}'))
        script = "\n".join(blocks(OTHER_SERVICES)).replace("the admin token", ADMIN_TOKEN)
        done = paste(script.replace("http://127.0.0.1:9000/", receiver.url("/")), server)
    assert (done.returncode, done.stderr) == (0, "")
    _, _, *printed = map(_settled, done.stdout.replace(receiver.url("/"), "http://127.0.0.1:9000/").splitlines())
    assert printed == [_settled(text) for text in blocks(OTHER_SERVICES, "json")]
    assert len(receiver.requests) == 2


def test_what_is_set_for_names_of_zitadel_is_triggered(tmp_path: Path) -> None:
    (session,) = blocks(ZITADEL_NAMES, "console")
    (start,) = re.findall(r"^\$ actiond serve (.*)$", session, re.MULTILINE)
    (response,) = re.findall(r"responds `(.*)`", ZITADEL_NAMES)
    with TargetServer() as receiver, ServerProcess(tmp_path, *start.split()) as server:
        receiver.script("/", ok(response.encode()))
        script = "\n".join(blocks(ZITADEL_NAMES)).replace("the admin token", ADMIN_TOKEN)
        done = paste(script.replace("http://127.0.0.1:9000/", receiver.url("/")), server)
        assert (done.returncode, done.stderr) == (0, "")
        _, _, *printed = map(_settled, done.stdout.splitlines())
        assert printed == [_settled(text) for text in blocks(ZITADEL_NAMES, "json")]
        receiver.wait_until(lambda: len(receiver.requests) == 2)
    request, event = (json.loads(received.body) for received in receiver.requests)
    assert request["request"] == {"username": "anna", "profile": {"givenName": "Anna"}}
    assert event["event_payload"] == {"userName": "anna"}


def _settled(text: str) -> object:
    """Return a response without what differs from run to run."""
    return json.loads(re.sub(r'[0-9]{18}|(?<="revision":")[0-9]+', "0", text))


def test_the_server_says_where_targets_may_be(server: ServerProcess) -> None:
    assert "targets are also allowed at 127.0.0.0/8, ::1/128 (--allow-address)" in server.stderr


def test_a_reader_sets_up_encryption_of_payloads(server: ServerProcess, tmp_path: Path) -> None:
    page = (Path(__file__).parents[1] / "docs" / "targets.md").read_text()
    (script,) = blocks(page.partition("<!-- encryption -->")[2].partition("<!-- /encryption -->")[0])
    token = (tmp_path / "data" / "admin-token").read_text().strip()
    done = paste(script.replace("the admin token", token), server)
    assert done.returncode == 0, done.stderr
    assert list(json.loads(done.stdout)) == ["changeDate"]
    assert "PRIVATE KEY" in (tmp_path / "private.pem").read_text()

"""What the README lets a newcomer paste is pasted, against a server as `make run` starts it."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import PATH
from tests.server_process import ServerProcess, clean_environment

README = (Path(__file__).parents[1] / "README.md").read_text()
MAKEFILE = (Path(__file__).parents[1] / "Makefile").read_text()


def steps() -> list[str]:
    walk, _, _ = README.partition("<!-- walk-through -->")[2].partition("<!-- /walk-through -->")
    return re.findall(r"```sh\n(.*?)```", walk, re.DOTALL)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    flags = re.search(r"@exec \$\(BIN\)/actiond serve (.*)", MAKEFILE)
    assert flags
    with ServerProcess(tmp_path, *flags[1].split(), data_dir=tmp_path / "data", token=None) as server:
        yield server


def test_a_newcomer_sees_an_endpoint_called_and_a_request_changed_by_it(server: ServerProcess, tmp_path: Path) -> None:
    start, *rest = steps()
    # A free port for the endpoint, told to the shell once it is bound.
    start = start.replace('HTTPServer(("127.0.0.1", 9000), Receiver).serve_forever()', _ON_A_FREE_PORT)
    start = start.replace(
        "python3 receiver.py &", "mkfifo port; python3 receiver.py 3>port >receiver.out & RECEIVER=$! PORT=$(cat port)"
    )
    script = "\n".join([start, *rest]).replace('"http://127.0.0.1:9000/"', '"\'"http://127.0.0.1:$PORT/"\'"')
    script = script.replace("http://127.0.0.1:8080", server.http_url) + "\nkill $RECEIVER\n"
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path,
        env=clean_environment(PATH=PATH),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    listed = json.loads(done.stdout.splitlines()[-1])
    assert [target["name"] for target in listed["result"]] == ["named by the target"]
    (sent,) = map(json.loads, (tmp_path / "receiver.out").read_text().splitlines())
    shown = json.loads(re.search(r"```\n(\{\"fullMethod.*\})\n```", README)[1])  # type: ignore[index]  # it is there
    for one in (sent, shown):
        assert one.pop("instanceID") == one.pop("orgID")
    assert sent == shown


def test_the_server_says_where_targets_may_be(server: ServerProcess) -> None:
    assert "targets may be at 127.0.0.0/8, ::1/128 too (--allow-address)" in server.stderr


_ON_A_FREE_PORT = """\
server = HTTPServer(("127.0.0.1", 0), Receiver)
with open(3, "w") as port:
    port.write(str(server.server_address[1]))
server.serve_forever()"""

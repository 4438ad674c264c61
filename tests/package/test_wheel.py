"""The wheel, built and installed for real into an environment that has nothing else."""

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from actiond import __version__
from actiond.client.signature import HEADER, header
from tests.support.servers.actions_double import TOKEN, ActionsDouble, changed_request

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "targets.md"
KEY = "a signing key"
BODY = b'{"request": {"name": "  a name  "}}'
# What only serving needs.
SERVING = {
    "cryptography",
    "httptools",
    "joserfc",
    "ngh2",
    "orjson",
    "prometheus_client",
    "protovalidate",
    "sonora",
    "uvloop",
}

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(directory), str(ROOT)]
    subprocess.run(command, check=True)
    (built,) = directory.iterdir()
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment in which the wheel alone was installed, with what it depends on."""
    environment = tmp_path_factory.mktemp("bare")
    venv.create(environment, with_pip=True)
    constraints = ROOT / "constraints.txt"
    pip = [str(environment / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([*pip, "--constraint", str(constraints), str(wheel)], check=True)
    return environment / "bin"


def run(command: list[str], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "ACTIOND"))}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def python(bare: Path, program: str, *, cwd: Path) -> str:
    done = run([str(bare / "python"), "-c", program], cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_adds_three_packages_to_site_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert tops == {"actiond", "actiond_protos", "rpcfront", f"actiond-{__version__}.dist-info"}


def test_each_package_says_that_it_has_types(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        marked = {name for name in archive.namelist() if name.endswith("py.typed")}
    assert marked == {"actiond/py.typed", "actiond_protos/py.typed", "rpcfront/py.typed"}


def test_the_names_of_zitadel_are_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert (
            archive.read("actiond/api/zitadel_names.txt")
            == (ROOT / "server/actiond/api/zitadel_names.txt").read_bytes()
        )


def test_an_empty_environment_gets_no_module_of_a_common_name(bare: Path, tmp_path: Path) -> None:
    names = ("server", "zitadel", "buf", "generated", "proto", "tests")
    program = f"from importlib.util import find_spec; print([name for name in {names} if find_spec(name)])"
    assert python(bare, program, cwd=tmp_path).strip() == "[]"


def test_the_client_loads_nothing_that_serving_needs(bare: Path, tmp_path: Path) -> None:
    everything = "actiond.client; from actiond.client import *; from actiond.client.aio import *"
    program = f"import sys, {everything}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    assert not SERVING & set(python(bare, program, cwd=tmp_path).split())
    # Where they are installed, it does not load them either.
    beside = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not SERVING & set(beside.stdout.split())


def test_a_bare_installation_brings_nothing_that_serving_needs(bare: Path, tmp_path: Path) -> None:
    program = "from importlib.metadata import distributions; print(*(found.name.lower() for found in distributions()))"
    installed = set(python(bare, program, cwd=tmp_path).split()) - {"pip", "setuptools"}
    assert installed == {"actiond", "googleapis-common-protos", "grpcio", "protobuf", "typing_extensions"}


def test_the_messages_can_be_imported(bare: Path, tmp_path: Path) -> None:
    program = (
        "from actiond_protos.zitadel.action.v3alpha import action_service_pb2_grpc, target_pb2;"
        "print(target_pb2.Target.DESCRIPTOR.full_name, target_pb2.Target.__module__)"
    )
    name = "zitadel.action.v3alpha.Target actiond_protos.zitadel.action.v3alpha.target_pb2"
    assert python(bare, program, cwd=tmp_path).strip() == name


THREADS = """
from concurrent.futures import ThreadPoolExecutor
import sys, grpc
from actiond.client import ActionsInterceptor, Client

place = grpc.unary_unary_rpc_method_handler(lambda request, _context: b"handled " + request)
handler = grpc.method_handlers_generic_handler("shop.v1.Shop", {"Place": place})
with grpc.insecure_channel(sys.argv[1]) as actiond, ActionsInterceptor(actiond, token=sys.argv[2]) as interceptor:
    server = grpc.server(ThreadPoolExecutor(), [handler], [interceptor])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        print(channel.unary_unary("/shop.v1.Shop/Place")(b"tea", timeout=20).decode())
    Client(actiond, token=sys.argv[2])
    server.stop(None).wait()
"""
TASKS = """
import asyncio, sys, grpc
from actiond.client.aio import ActionsInterceptor, Client

async def place(request, _context):
    return b"handled " + request

async def main():
    handler = grpc.unary_unary_rpc_method_handler(place)
    handlers = [grpc.method_handlers_generic_handler("shop.v1.Shop", {"Place": handler})]
    async with grpc.aio.insecure_channel(sys.argv[1]) as actiond:
        async with ActionsInterceptor(actiond, token=sys.argv[2]) as interceptor:
            server = grpc.aio.server(handlers=handlers, interceptors=[interceptor])
            port = server.add_insecure_port("127.0.0.1:0")
            await server.start()
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                print((await channel.unary_unary("/shop.v1.Shop/Place")(b"tea", timeout=20)).decode())
            Client(actiond, token=sys.argv[2])
            await server.stop(None)

asyncio.run(main())
"""


@pytest.mark.parametrize("program", [THREADS, TASKS])
def test_an_interceptor_runs_with_a_bare_installation(bare: Path, tmp_path: Path, program: str) -> None:
    with ActionsDouble(changed_request(b"coffee")) as actiond:
        done = run([str(bare / "python"), "-c", program, actiond.target, TOKEN], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "handled coffee\n"), done.stderr


@pytest.fixture
def receiver(bare: Path, tmp_path: Path) -> Iterator[str]:
    """The receiver that docs/targets.md shows, run with the bare installation; its URL."""
    (block, *_) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    script = tmp_path / "receiver.py"
    served = 'server = HTTPServer(("127.0.0.1", 0), Receiver)\n    print(server.server_port, flush=True)\n    server'
    script.write_text(block.replace('HTTPServer(("127.0.0.1", 9000), Receiver)', served))
    process = subprocess.Popen(
        [str(bare / "python"), str(script)],
        env={"SIGNING_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        port = process.stdout.readline().strip()
        yield f"http://127.0.0.1:{port}/"
        process.kill()


def post(url: str, headers: dict[str, str]) -> tuple[int, bytes]:
    request = urllib.request.Request(url, BODY, headers)  # noqa: S310  # it is ours
    try:
        with urllib.request.urlopen(request) as response:  # noqa: S310  # it is ours
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def test_the_documented_receiver_runs_with_a_bare_installation(receiver: str) -> None:
    assert post(receiver, {HEADER: header(BODY, [KEY], int(time.time()))}) == (200, b'{"name": "a name"}')
    assert post(receiver, {HEADER: "t=1,v1=2"})[0] == 401

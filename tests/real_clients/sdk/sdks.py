"""The SDKs of ZITADEL, each as a process that makes the calls that a test names.

A call is a line of JSON, with the version of the action service, the method, the token, and the request as proto3 JSON.
So is its outcome: the response that the SDK returned, or what it told of an error. What lies between is the SDK's own:
its messages, its methods, its transport and its errors.
"""

import fcntl
import json
import os
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.clients.browser import UnavailableError
from tests.support.npm import install_packages, run_program
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

HERE = Path(__file__).parent
NPM = HERE / "npm"
GO = HERE / "zitadel_go"
BUILD = HERE.parents[2] / "build" / "sdk"
PATIENCE = 30.0
"""Seconds that a call may take on a busy machine."""
# Where pip and Go say that they found no registry.
_NO_NETWORK = re.compile(r"NewConnectionError|ConnectTimeoutError|Temporary failure in name resolution|dial tcp")

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Detail:
    """A zitadel.v1.ErrorDetail."""

    id: str
    message: str


class SdkError(Exception):
    """What an SDK told of an error: the code in its own form, the message, and the details if it hands them on."""

    def __init__(self, code: object, message: str, details: list[Detail]) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details


class Sdk:
    """A process that makes calls with an SDK. `with` starts and ends it."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._command = command
        self._environment = os.environ | environment
        self._process: subprocess.Popen[bytes] | None = None

    def call(self, service: str, method: str, request: JsonObject, token: str = ADMIN_TOKEN) -> JsonObject:
        """Return the response. Raises SdkError."""
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        named = {"service": service, "method": method, "token": token, "request": request}
        process.stdin.write(json.dumps(named).encode() + b"\n")
        process.stdin.flush()
        assert select.select([process.stdout], [], [], PATIENCE)[0], f"no outcome of {named}"
        line = process.stdout.readline()
        assert line, f"the process has ended at {named}"
        outcome = json.loads(line)
        if "error" in outcome:
            error = outcome["error"]
            details = [Detail(each["id"], each["message"]) for each in error["details"]]
            raise SdkError(error["code"], error["message"], details)
        response: JsonObject = outcome["response"]
        return response

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        process = self._process
        assert process is not None
        process.kill()
        process.communicate()


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the SDKs."""

    make: Callable[[ServerProcess], Sdk]
    """Installs or builds what it needs. Raises UnavailableError where the machine lacks something."""
    versions: tuple[str, ...]
    code: Callable[[int, str], object]
    """An error's code as this SDK hands it to its user, of the HTTP status and gRPC's name of the code."""
    has_details: bool = True
    has_public_keys: bool = True
    """Whether its v2 has public keys and payload types, which are newer than the rest."""
    has_verifier: bool = False
    """Whether it has a helper that verifies signatures: a method VerifySignature, beside those of the service."""


@dataclass(frozen=True, slots=True)
class Api:
    """One version of the action service, as one of the SDKs has it."""

    kind: Kind
    version: str
    sdk: Sdk

    def call(self, method: str, request: JsonObject, *, token: str = ADMIN_TOKEN) -> JsonObject:
        """Return the response. Raises SdkError."""
        return self.sdk.call(self.version, method, request, token)


def _python(server: ServerProcess) -> Sdk:
    requirements = HERE / "python.txt"
    packages = BUILD / "python"
    installed = packages / ".installed"

    def install() -> None:
        if installed.exists() and installed.read_text() == requirements.read_text():
            return
        shutil.rmtree(packages, ignore_errors=True)
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        _run([*pip, "--target", str(packages), "--requirement", str(requirements)])
        shutil.copy(requirements, installed)

    _alone("python", install)
    return Sdk([sys.executable, HERE / "zitadel_python.py", server.http_url], {"PYTHONPATH": str(packages)})


def _go(server: ServerProcess) -> Sdk:
    go = shutil.which("go")
    if go is None:
        raise UnavailableError("Go is not installed")
    program = BUILD / "zitadel_go"
    _alone("go", lambda: _run([go, "build", "-o", str(program), "."], cwd=GO))
    return Sdk([program, server.http_url.removeprefix("http://")], {})


def _node(script: str, *arguments: str) -> Callable[[ServerProcess], Sdk]:
    def make(server: ServerProcess) -> Sdk:
        node = shutil.which("node")
        if node is None:
            raise UnavailableError("Node is not installed")
        install_packages(NPM)
        return Sdk([node, NPM / script, *arguments, server.http_url], {})

    return make


def _alone(name: str, install: Callable[[], None]) -> None:
    """Install unless another process that runs tests does so at the moment; then wait for it first."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with (BUILD / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install()


def _run(command: list[str], cwd: Path | None = None) -> None:
    try:
        run_program(command, cwd=cwd)
    except subprocess.CalledProcessError as error:
        if _NO_NETWORK.search(error.stderr):
            raise UnavailableError(f"{Path(command[0]).name} finds no package registry") from error
        raise


def _camel(_status: int, code: str) -> str:
    return code.title().replace("_", "")


SDKS: Mapping[str, Kind] = {
    # It calls Connect's paths with JSON, and hands on the HTTP status and the body.
    "zitadel-client": Kind(_python, ("v2", "v2beta"), lambda status, code: [status, code.lower()]),
    "zitadel-go": Kind(_go, ("v2", "v2beta"), _camel, has_verifier=True),
    "@zitadel/node": Kind(
        _node("zitadel_node.js"),
        ("v2", "v2beta"),
        lambda _status, code: code,
        has_details=False,
        has_public_keys=False,
    ),
    "@zitadel/client/node": Kind(_node("zitadel_client.js", "node"), ("v2beta",), _camel),
    "@zitadel/client/web": Kind(_node("zitadel_client.js", "web"), ("v2beta",), _camel),
}
APIS = [(name, version) for name, kind in SDKS.items() for version in kind.versions]
WITH_PUBLIC_KEYS = [(name, version) for name, version in APIS if version == "v2" and SDKS[name].has_public_keys]
WITH_VERIFIER = [(name, version) for name, version in APIS if SDKS[name].has_verifier]

"""grpcurl, the command-line client that people reach for: everything it knows of the service comes by reflection."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetResponse, GetTargetByIDResponse
from actiond_protos.zitadel.action.v3alpha.target_pb2 import Target
from google.protobuf import json_format

from tests.support.programs import program
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

SERVICE = "zitadel.action.v3alpha.ActionService"
NEWER = "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3"

Ran = subprocess.CompletedProcess[str]
Grpcurl = Callable[..., Ran]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("grpcurl")) as server:
        yield server


@pytest.fixture(scope="module")
def grpcurl(server: ServerProcess) -> Grpcurl:
    """The release that is on PyPI. Of reflection it knows v1alpha alone."""
    return _runner(program("grpcurl"), server)


@pytest.fixture(scope="module", params=["old", "new"])
def each_grpcurl(server: ServerProcess, request: pytest.FixtureRequest) -> Grpcurl:
    """The same, and a release that asks for v1 of reflection first."""
    name = "grpcurl" if request.param == "old" else "newer_grpcurl"
    found: Grpcurl = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="module")
def newer_grpcurl(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Grpcurl:
    if shutil.which("go") is None:
        pytest.skip("Go is missing, which builds the newer grpcurl")
    directory = tmp_path_factory.mktemp("bin")
    environment = os.environ | {"GOBIN": str(directory)}
    built = subprocess.run(["go", "install", NEWER], env=environment, capture_output=True, check=False, timeout=250)
    if built.returncode:
        pytest.skip(f"the newer grpcurl cannot be built: {built.stderr.decode()}")
    return _runner(str(directory / "grpcurl"), server)


def _runner(path: str, server: ServerProcess) -> Grpcurl:
    """Runs grpcurl with options, then the server's address, then what it shall do there."""

    def run(*words: str, options: tuple[str, ...] = ()) -> Ran:
        command = [path, "-plaintext", *options, server.grpc_target, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    return run


def _call(
    grpcurl: Grpcurl, method: str, request: dict[str, Any], *, token: str | None = ADMIN_TOKEN, service: str = SERVICE
) -> Ran:
    headers = ("-H", f"authorization: Bearer {token}") if token else ()
    return grpcurl(f"{service}/{method}", options=(*headers, "-d", json.dumps(request)))


def _request(name: str) -> dict[str, Any]:
    return {"name": name, "restCall": {"interruptOnError": True}, "timeout": "1.5s", "endpoint": "https://example.com"}


def test_the_services_are_listed_without_a_token(each_grpcurl: Grpcurl) -> None:
    listed = each_grpcurl("list")
    assert listed.stdout.splitlines() == [
        "actiond.v1.DeliveryService",
        "actiond.v1.ExecutionService",
        "envoy.service.ext_proc.v3.ExternalProcessor",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
        "zitadel.action.v2.ActionService",
        "zitadel.action.v2beta.ActionService",
        SERVICE,
    ]


def test_the_service_is_described_with_its_routes(grpcurl: Grpcurl) -> None:
    described = grpcurl("describe", SERVICE).stdout
    assert "rpc CreateTarget ( .zitadel.action.v3alpha.CreateTargetRequest )" in described
    assert 'post:"/v3alpha/targets"' in described


def test_a_method_is_described(each_grpcurl: Grpcurl) -> None:
    described = each_grpcurl("describe", f"{SERVICE}.CreateTarget").stdout
    assert described.startswith(f"{SERVICE}.CreateTarget is a method:")


def test_the_public_services_are_described(each_grpcurl: Grpcurl) -> None:
    for symbol in ("grpc.health.v1.Health.List", "grpc.reflection.v1.ServerReflection.ServerReflectionInfo"):
        assert each_grpcurl("describe", symbol).stdout.startswith(f"{symbol} is a method:")


def test_a_message_is_described_with_its_oneof(each_grpcurl: Grpcurl) -> None:
    described = each_grpcurl("describe", "zitadel.action.v3alpha.CreateTargetRequest").stdout
    assert "oneof target_type" in described


def test_a_target_is_made_and_read_back(grpcurl: Grpcurl) -> None:
    made = _call(grpcurl, "CreateTarget", _request("made by grpcurl"))
    assert made.returncode == 0, made.stderr
    created = json_format.Parse(made.stdout, CreateTargetResponse())
    read = _call(grpcurl, "GetTargetByID", {"targetId": created.id})
    assert '"targetId"' in read.stdout
    expected = Target(target_id=created.id, details=created.details)
    assert json_format.Parse(read.stdout, GetTargetByIDResponse()).target == json_format.ParseDict(
        _request("made by grpcurl"), expected
    )


@pytest.mark.parametrize("version", ["v2", "v2beta"])
def test_a_target_of_the_stable_api_is_made_and_read_back(version: str, grpcurl: Grpcurl) -> None:
    service = f"zitadel.action.{version}.ActionService"
    wanted = _request(f"made by grpcurl over {version}")
    made = _call(grpcurl, "CreateTarget", wanted, service=service)
    assert made.returncode == 0, made.stderr
    created = json.loads(made.stdout)
    target = json.loads(_call(grpcurl, "GetTarget", {"id": created["id"]}, service=service).stdout)["target"]
    shown = wanted | {key: created[key] for key in ("id", "creationDate", "signingKey")}
    shown |= {"timeout": "1.500s", "changeDate": created["creationDate"]}
    if version == "v2":
        shown["payloadType"] = "PAYLOAD_TYPE_JSON"
    assert target == shown


def test_an_error_comes_with_its_details(grpcurl: Grpcurl) -> None:
    assert _call(grpcurl, "CreateTarget", _request("made twice")).returncode == 0
    refused = _call(grpcurl, "CreateTarget", _request("MADE TWICE"))
    assert refused.returncode != 0
    assert "Code: AlreadyExists" in refused.stderr
    assert "Message: Target already exists (V3-DKcYh)" in refused.stderr
    assert "type.googleapis.com/zitadel.v1.ErrorDetail" in refused.stderr
    assert '"reason":"TARGET_NAME_TAKEN"' in refused.stderr.replace(" ", "")


def test_every_violated_field_is_named(each_grpcurl: Grpcurl) -> None:
    refused = _call(each_grpcurl, "CreateTarget", {})
    assert "Code: InvalidArgument" in refused.stderr
    for field in ("endpoint", "name", "target_type", "timeout"):
        assert f'"field":"{field}"' in refused.stderr.replace(" ", "")


def test_a_call_without_a_token_is_refused(grpcurl: Grpcurl) -> None:
    refused = _call(grpcurl, "CreateTarget", _request("nobody"), token=None)
    assert "Code: Unauthenticated" in refused.stderr
    assert "Message: auth header missing" in refused.stderr


@pytest.mark.parametrize("service", ["", SERVICE])
def test_health_is_answered_without_a_token(service: str, grpcurl: Grpcurl) -> None:
    checked = grpcurl("grpc.health.v1.Health/Check", options=("-d", json.dumps({"service": service})))
    assert json.loads(checked.stdout) == {"status": "SERVING"}

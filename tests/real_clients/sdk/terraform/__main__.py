"""Checks that OpenTofu or Terraform, with ZITADEL's provider, manages the targets and executions of an actiond.

    python -m tests.real_clients.sdk.terraform PROVIDER [--command terraform]

PROVIDER is the built `terraform-provider-zitadel`, which no package registry has. No registry is asked for anything.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from google.protobuf import descriptor_pb2

from tests.support.clients.json_api import JsonApi
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

HERE = Path(__file__).parent
PROGRAM = "terraform-provider-zitadel"
METHODS = [f"/many.v1.Many/M{number}" for number in range(150)]
"""More than a page of executions has where a client asks for no page, in ZITADEL."""
NO_CHANGES = 0
CHANGES = 2


class Terraform:
    """OpenTofu or Terraform in a directory of its own, with variables that stay until they are changed."""

    def __init__(self, command: str, provider: Path, directory: Path, **variables: Any) -> None:
        self._command = command
        self._directory = directory
        self.variables = variables
        shutil.copy(HERE / "main.tf", directory)
        (directory / "bin").mkdir()
        (directory / "bin" / PROGRAM).symlink_to(provider.resolve())
        # With an override, neither looks for the provider in a registry, and none has to be initialised.
        overrides = f'provider_installation {{\n  dev_overrides {{ "zitadel/zitadel" = "{directory}/bin" }}\n}}\n'
        (directory / "cli.tfrc").write_text(overrides)

    def run(self, *arguments: str, expected: int = 0) -> str:
        """Return the output. Raises AssertionError, with it, at another exit code than the expected one."""
        environment = {f"TF_VAR_{name}": json.dumps(value) for name, value in self.variables.items()}
        # A string is not JSON there.
        environment |= {f"TF_VAR_{name}": value for name, value in self.variables.items() if isinstance(value, str)}
        environment |= {"TF_CLI_CONFIG_FILE": str(self._directory / "cli.tfrc"), "TF_IN_AUTOMATION": "1"}
        ended = subprocess.run(
            [self._command, *arguments],
            cwd=self._directory,
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ended.returncode == expected, f"{arguments} ended with {ended.returncode}:\n{ended.stdout}"
        return ended.stdout

    def plan(self, *, expected: int) -> str:
        return self.run("plan", "-input=false", "-no-color", "-detailed-exitcode", expected=expected)

    def apply(self) -> str:
        """Apply, and see that nothing is left to do."""
        said = self.run("apply", "-input=false", "-no-color", "-auto-approve")
        self.plan(expected=NO_CHANGES)
        return _line(said, "Apply complete")

    def state(self) -> dict[str, Any]:
        """Return the attributes of each resource by its address."""
        shown = json.loads(self.run("show", "-json"))
        resources = shown.get("values", {}).get("root_module", {}).get("resources", [])
        return {each["address"]: each["values"] for each in resources}


def _line(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


@contextmanager
def serving(directory: Path) -> Iterator[ServerProcess]:
    """Serve with a service of many methods that conditions may name."""
    file = descriptor_pb2.FileDescriptorProto(name="many.proto", package="many.v1", syntax="proto3")
    file.message_type.add(name="Empty")
    service = file.service.add(name="Many")
    for method in METHODS:
        service.method.add(name=method.rpartition("/")[2], input_type=".many.v1.Empty", output_type=".many.v1.Empty")
    descriptor_set = directory / "many.binpb"
    descriptor_set.write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
    with ServerProcess(directory, "--descriptor-set", str(descriptor_set), "--zitadel-conditions") as server:
        yield server


def public_key() -> str:
    key = generate_private_key(SECP256R1()).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def targets_of(api: JsonApi) -> dict[str, dict[str, Any]]:
    return {target["name"]: target for target in api.call("POST", "/v2/actions/targets/search", {})["targets"]}


def executions_of(api: JsonApi) -> int:
    return len(api.call("POST", "/v2/actions/executions/search", {}).get("executions", []))


def check(terraform: Terraform, api: JsonApi) -> Iterator[str]:
    """Yield what has been seen, step after step. Raises AssertionError at the first step that fails."""
    terraform.plan(expected=CHANGES)
    yield f"applied, and a second plan is empty: {terraform.apply()}"
    assert set(targets_of(api)) == {"webhook", "call", "async"}
    assert executions_of(api) == len([name for name in terraform.state() if "_execution_" in name])

    terraform.variables["timeout"] = "20s"
    yield f"changed a timeout: {terraform.apply()}"
    assert targets_of(api)["webhook"]["timeout"] == "20s"

    key = terraform.state()["zitadel_action_target.webhook"]["signing_key"]
    terraform.variables["rotated"] = "0s"
    yield f"rotated a signing key: {terraform.apply()}"
    rotated = terraform.state()["zitadel_action_target.webhook"]["signing_key"]
    assert rotated == targets_of(api)["webhook"]["signingKey"] != key

    keys = f"/v2/actions/targets/{targets_of(api)['call']['id']}/publickeys/search"
    for is_active in (False, True):
        terraform.variables["is_active"] = is_active
        yield f"{'activated' if is_active else 'deactivated'} a public key: {terraform.apply()}"
        [listed] = api.call("POST", keys, {})["publicKeys"]
        assert listed.get("active", False) is is_active
    terraform.variables["public_key"] = public_key()
    yield f"replaced a public key: {terraform.apply()}"
    [listed] = api.call("POST", keys, {})["publicKeys"]
    assert listed["publicKey"] == b64encode(terraform.variables["public_key"].encode()).decode()

    api.call("DELETE", f"/v2/actions/targets/{targets_of(api)['webhook']['id']}")
    yield f"made a target anew that somebody had deleted, and gave it to its executions: {terraform.apply()}"
    assert "webhook" in targets_of(api)

    terraform.variables["methods"] = METHODS
    yield f"set {len(METHODS)} executions more: {terraform.apply()}"
    assert executions_of(api) > len(METHODS)

    state = terraform.state()
    call = state["zitadel_action_target.call"]["id"]
    imports = {
        "zitadel_action_target.call": call,
        "zitadel_action_target_public_key.call": f"{state['zitadel_action_target_public_key.call']['id']}:{call}",
        "zitadel_action_execution_request.service": "service:many.v1.Many",
        "zitadel_action_execution_response.all": "all",
        "zitadel_action_execution_event.group": "group:target",
        "zitadel_action_execution_function.function": "preaccesstoken",
    }
    for address, identifier in imports.items():
        terraform.run("state", "rm", address)
        terraform.run("import", "-input=false", address, identifier)
    terraform.plan(expected=NO_CHANGES)
    yield f"imported {len(imports)} resources, and the plan is empty"

    said = terraform.run("destroy", "-input=false", "-no-color", "-auto-approve")
    yield f"destroyed: {_line(said, 'Destroy complete')}"
    assert executions_of(api) == 0
    assert api.call("POST", "/v2/actions/targets/search", {}).get("targets", []) == []


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.real_clients.sdk.terraform", description=__doc__)
    parser.add_argument("provider", type=Path, help=f"the built {PROGRAM}")
    parser.add_argument("--command", default="tofu", help="tofu or terraform, or a path of one [tofu]")
    given = parser.parse_args()
    if not given.provider.is_file():
        parser.error(f"PROVIDER: there is no file {str(given.provider)!r}")
    if shutil.which(given.command) is None:
        parser.error(f"--command: {given.command} is not installed")
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory)) as server:
        workspace = Path(directory) / "workspace"
        workspace.mkdir()
        variables = {"port": str(server.http_port), "token": ADMIN_TOKEN, "public_key": public_key()}
        terraform = Terraform(given.command, given.provider, workspace, **variables)
        for step in check(terraform, JsonApi.of(server)):
            print(step, flush=True)  # noqa: T201  # a program for people


if __name__ == "__main__":
    main()

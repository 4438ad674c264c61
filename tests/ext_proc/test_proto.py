"""Our messages are Envoy's on the wire: names, numbers, types and labels are those of its own protos."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from actiond_protos.actiond.ext_proc.v1 import ext_proc_pb2, service_pb2

from tests.ext_proc.envoys_protos import facts

SCRIPT = Path(__file__).with_name("envoys_protos.py")
RELEASE = "xds-protos==1.85.0"

PROCESS = service_pb2.DESCRIPTOR.services_by_name["ExternalProcessor"].methods_by_name["Process"]


@pytest.fixture(scope="module")
def envoys(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What Envoy's protos say. They go into a folder of their own: their wheel overwrites modules of other packages."""
    folder = tmp_path_factory.mktemp("xds-protos")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), RELEASE], check=True, timeout=100)
    found = subprocess.run(
        [sys.executable, str(SCRIPT)],
        check=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    return json.loads(found.stdout)


def test_every_field_and_value_is_envoys(envoys: Any) -> None:
    ours = facts(PROCESS.input_type, PROCESS.output_type)
    theirs = envoys["messages"]
    assert ours.keys() <= theirs.keys()
    for message, fields in ours.items():
        assert fields == {name: theirs[message].get(name) for name in fields}, message


def test_the_method_is_envoys(envoys: Any) -> None:
    assert [PROCESS.full_name, PROCESS.client_streaming, PROCESS.server_streaming] == envoys["methods"]["Process"]


def test_no_message_of_envoys_package_is_defined() -> None:
    assert not service_pb2.DESCRIPTOR.message_types_by_name
    assert not service_pb2.DESCRIPTOR.enum_types_by_name
    assert ext_proc_pb2.DESCRIPTOR.package == "actiond.ext_proc.v1"

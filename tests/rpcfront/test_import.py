"""What importing rpcfront brings along, and what it leaves to those who use it."""

import subprocess
import sys
from pathlib import Path

import pytest

import rpcfront

SERVICE = """
from grpc_health.v1 import health, health_pb2
from rpcfront import Gateway
descriptor = health_pb2.DESCRIPTOR.services_by_name["Health"]
gateway = Gateway(services=[(descriptor, health.HealthServicer())])
"""


def loaded_by(code: str) -> set[str]:
    """The packages that a fresh interpreter has loaded after `code`."""
    source = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    process = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    return set(process.stdout.split())


@pytest.mark.parametrize("code", ["import rpcfront", "from rpcfront import *"])
def test_the_import_loads_neither_a_server_nor_a_validator(code: str) -> None:
    loaded = loaded_by(code)
    assert "rpcfront" in loaded
    assert not loaded & {
        *("ngh2", "httptools", "uvicorn", "uvloop", "sonora", "protovalidate", "aiohttp", "wsgiref"),
        *("actiond", "actiond_protos"),
    }


def test_a_gateway_loads_the_validator_and_sonora_and_no_server() -> None:
    loaded = loaded_by(SERVICE)
    assert {"protovalidate", "sonora"} <= loaded
    assert not loaded & {"ngh2", "httptools", "uvicorn", "uvloop", "actiond", "actiond_protos"}


def test_the_library_never_names_the_program() -> None:
    root = Path(rpcfront.__file__).parent
    naming = [
        path.name
        for path in root.rglob("*")
        if path.suffix in {".py", ".js", ".html", ".css"} and "actiond" in path.read_text()
    ]
    assert naming == []

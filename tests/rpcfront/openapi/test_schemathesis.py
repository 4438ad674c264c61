"""Schemathesis runs against live servers by their documents, and finds nothing."""

import asyncio
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rpcfront import Gateway
from tests.rpcfront.openapi.documented import INFO, fixture_document
from tests.support.programs import program
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.faces import asgi_server
from tests.support.services import fixture_service

REPOSITORY = Path(__file__).parents[3]

# Calls that end as their request says: with any code, never, or as bytes of whatever type they are said to be.
WILFUL = r"^/v1/(err/|http|stream|upload)|^/m/(chunks|tell|wait|files/{name}$)"
# A stream that ends when its client leaves.
ENDLESS = ":watch$"
# Each kind of parameter and of body once: the rest of the service has the same ones.
EACH_KIND = r"^/v1/(q|all|pt/.*|p/.*|deep/.*|multi/.*)$"

COMMAND = (
    "--checks=all",
    "--seed=1",
    "--no-color",
    "--warnings=off",  # of answers that are no JSON, and of what hooks filter
    "--generation-database=none",  # what one run finds is of no use to the next: it has the same seed
    "--suppress-health-check=all",  # a machine may be slow
)


def run(location: str, directory: Path, *options: str) -> int:
    """How many operations were tested. Fails with what was found."""
    finished = subprocess.run(
        [program("schemathesis"), "run", location, *COMMAND, *options],
        cwd=directory,  # where it looks for a configuration, and finds none
        env=os.environ | {"PYTHONPATH": str(REPOSITORY), "SCHEMATHESIS_HOOKS": "tests.rpcfront.openapi.hooks"},
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    tested = re.search(r"Tested: ([0-9]+)", finished.stdout)
    assert tested is not None, finished.stdout
    return int(tested[1])


async def run_on_fixture(directory: Path, *options: str) -> int:
    """The same against a gateway in this process."""
    async with asgi_server(Gateway(services=fixture_service.services(), openapi=INFO)) as port:
        return await asyncio.to_thread(run, f"http://127.0.0.1:{port}/openapi.json", directory, *options)


def operations_at(document: dict[str, Any], matches: Callable[[str], object]) -> int:
    """How many operations a document has on some paths, methods that OpenAPI does not know aside."""
    items = [item for path, item in document["paths"].items() if matches(path)]
    return sum(not method.startswith("x-") for item in items for method in item)


async def test_each_kind_of_parameter_and_body_has_no_finding(tmp_path: Path) -> None:
    options = ("--phases=coverage", f"--include-path-regex={EACH_KIND}")
    tested = await run_on_fixture(tmp_path, *options)
    assert tested == operations_at(fixture_document(), re.compile(EACH_KIND).search) == 6


async def test_every_route_of_the_fixture_has_no_finding(tmp_path: Path) -> None:
    options = ("--phases=fuzzing", "--max-examples=2", f"--exclude-path-regex={WILFUL}")
    tested = await run_on_fixture(tmp_path, *options)
    assert tested == operations_at(fixture_document(), lambda path: not re.search(WILFUL, path)) > 40


def test_actiond_has_no_finding(tmp_path: Path) -> None:
    with ServerProcess(tmp_path, database="memory:") as server:
        options = (f"--header=Authorization: Bearer {server.token}", f"--exclude-path-regex={ENDLESS}")
        phases = ("--phases=coverage,fuzzing,stateful", "--max-examples=10")
        tested = run(f"{server.http_url}/openapi.json", tmp_path, *options, *phases)
    assert tested == 55

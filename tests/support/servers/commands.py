"""Runs actiond's commands beside a server, on the store that it runs on."""

import asyncio
import subprocess
import sys
from base64 import b64encode
from dataclasses import dataclass

from tests.support.servers.actiond import ServerProcess, clean_environment


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended well."""

    stdout: str
    stderr: str


def run(server: ServerProcess, *arguments: str) -> Done:
    done = subprocess.run(
        [sys.executable, "-m", "actiond", *arguments],
        cwd=server.directory,
        env=clean_environment(ACTIOND_DATA_DIR=str(server.data_dir), ACTIOND_DATABASE=server.database),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done
    return Done(done.stdout, done.stderr)


async def run_beside(server: ServerProcess, *arguments: str) -> Done:
    """The same from a loop, which goes on meanwhile."""
    return await asyncio.to_thread(run, server, *arguments)


async def rotate(server: ServerProcess, owner: str, target_id: str, *arguments: str) -> str:
    """The target's new signing key: standard output has it alone, and standard error ends with its other form."""
    done = await run_beside(server, "target", "rotate-key", target_id, "--owner", owner, *arguments)
    key = done.stdout.removesuffix("\n")
    assert key not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last == f"The same key for Standard Webhooks libraries: whsec_{b64encode(key.encode()).decode()}"
    return key

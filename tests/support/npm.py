"""The packages from npm that the tests use, as the lock files beside them pin them."""

import fcntl
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.support.clients.browser import UnavailableError

WEB = Path(__file__).parents[1] / "real_clients" / "web"
PACKAGES = WEB / "node_modules"
# Where npm says that it found no registry, rather than a fault in our own files.
NO_NETWORK = re.compile(r"npm (error|ERR!) (network|code (ECONNREFUSED|ENOTCACHED|ENOTFOUND|ETIMEDOUT))")


def install_packages(directory: Path = WEB) -> None:
    """Install what the directory's lock file names, unless it is there. Raises UnavailableError where it cannot."""
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError("npm is not installed")
    lock_file = directory / "package-lock.json"
    installed = directory / "node_modules" / ".package-lock.json"
    with lock_file.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several processes that run tests, one installs
        if installed.exists() and installed.stat().st_mtime >= lock_file.stat().st_mtime:
            return
        try:
            run_program([npm, "ci", "--no-audit", "--no-fund"], cwd=directory)
        except subprocess.CalledProcessError as error:
            if NO_NETWORK.search(error.stderr):
                raise UnavailableError("npm ci finds no package registry") from error
            raise


def run_program(command: list[str], cwd: Path | None = None, **environment: str) -> None:
    """Run a program. Raises CalledProcessError, with a note of what it wrote, if it fails."""
    try:
        subprocess.run(command, cwd=cwd, env=os.environ | environment, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr)
        raise

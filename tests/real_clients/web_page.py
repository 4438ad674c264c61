"""Makes the page of web/: installs its packages, generates its clients' code from our descriptors, and bundles it.

It knows neither the browser that opens the page nor what the reports that the page posts mean.
"""

import fcntl
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from google.protobuf import descriptor_pb2

from tests.support.clients.browser import UnavailableError

REPOSITORY = Path(__file__).parents[2]
WEB = Path(__file__).parent / "web"
PACKAGES = WEB / "node_modules"
PROGRAMS = PACKAGES / ".bin"
DESCRIPTORS = REPOSITORY / "generated" / "actiond_protos" / "actiond.binpb"
CALLS = Path(__file__).parent / "calls.proto"
# Where npm says that it found no registry, rather than a fault in our own files.
NO_NETWORK = re.compile(r"npm (error|ERR!) (network|code (ECONNREFUSED|ENOTCACHED|ENOTFOUND|ETIMEDOUT))")


def make_page(directory: Path) -> Path:
    """The directory to serve, made inside `directory`."""
    _install_packages()
    code = directory / "generated"
    _generate(code)
    site = directory / "site"
    # The generated code lies elsewhere: the alias finds it, and NODE_PATH what it imports.
    esbuild = [f"{PROGRAMS}/esbuild", "--bundle", "--format=esm", f"--alias:generated={code}"]
    _run([*esbuild, f"{WEB}/page.js", f"--outfile={site}/page.js"], NODE_PATH=str(PACKAGES))
    shutil.copy(WEB / "index.html", site)
    return site


def _install_packages() -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError("npm is not installed")
    lock_file = WEB / "package-lock.json"
    installed = PACKAGES / ".package-lock.json"
    with lock_file.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several processes that run tests, one installs
        if installed.exists() and installed.stat().st_mtime >= lock_file.stat().st_mtime:
            return
        try:
            _run([npm, "ci", "--no-audit", "--no-fund"], cwd=WEB)
        except subprocess.CalledProcessError as error:
            if NO_NETWORK.search(error.stderr):
                raise UnavailableError("npm ci finds no package registry") from error
            raise


def _generate(code: Path) -> None:
    """Runs protoc with npm's plugins on the descriptor set, which `make check` holds to proto/, and on calls.proto."""
    files = [file.name for file in descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes()).file]
    for language, names in {
        # protobuf-es brings Google's own types along; protobuf-ts generates them like all others.
        "es": [name for name in files if not name.startswith("google/protobuf/")],
        "ts": files,
    }.items():
        out = code / language
        out.mkdir(parents=True)
        plugin = f"--plugin={PROGRAMS}/protoc-gen-{language}"
        protoc = [sys.executable, "-m", "grpc_tools.protoc", f"--descriptor_set_in={DESCRIPTORS}", f"-I{CALLS.parent}"]
        _run([*protoc, plugin, f"--{language}_out={out}", *names, CALLS.name])


def _run(command: list[str], cwd: Path | None = None, **environment: str) -> None:
    try:
        subprocess.run(command, cwd=cwd, env=os.environ | environment, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as error:
        error.add_note(error.stderr)
        raise

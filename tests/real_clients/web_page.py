"""Makes the page of web/: installs its packages, generates its clients' code from our descriptors, and bundles it.

It knows neither the browser that opens the page nor what the reports that the page posts mean.
"""

import shutil
import sys
from pathlib import Path

from google.protobuf import descriptor_pb2

from tests.support.npm import PACKAGES, WEB, install_packages, run_program

REPOSITORY = Path(__file__).parents[2]
PROGRAMS = PACKAGES / ".bin"
DESCRIPTORS = REPOSITORY / "generated" / "actiond_protos" / "actiond.binpb"
CALLS = Path(__file__).parent / "calls.proto"


def make_page(directory: Path) -> Path:
    """The directory to serve, made inside `directory`."""
    install_packages()
    code = directory / "generated"
    _generate(code)
    site = directory / "site"
    # The generated code lies elsewhere: the alias finds it, and NODE_PATH what it imports.
    esbuild = [f"{PROGRAMS}/esbuild", "--bundle", "--format=esm", f"--alias:generated={code}"]
    run_program([*esbuild, f"{WEB}/page.js", f"--outfile={site}/page.js"], NODE_PATH=str(PACKAGES))
    shutil.copy(WEB / "index.html", site)
    return site


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
        run_program([*protoc, plugin, f"--{language}_out={out}", *names, CALLS.name])

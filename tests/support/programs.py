"""Finds the programs that tests run. Those of the dev dependencies are beside Python's executable, whatever PATH is."""

import os
import shutil
import sys
from pathlib import Path

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def program(name: str) -> str:
    """Return the program's path."""
    found = shutil.which(name, path=PATH)
    assert found, f"{name} is not installed"
    return found

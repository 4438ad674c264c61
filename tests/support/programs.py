"""The programs that the tests run: those that the dev dependencies bring stand beside Python, wherever PATH points."""

import os
import shutil
import sys
from pathlib import Path

PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def program(name: str) -> str:
    """The program's path."""
    found = shutil.which(name, path=PATH)
    assert found, f"{name} is not installed"
    return found

"""Generators of clients: each makes one from the address of an OpenAPI document, and compiles it."""

import compileall
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real_clients.web_page import PROGRAMS
from tests.support.clients.browser import UnavailableError
from tests.support.npm import install_packages
from tests.support.programs import program

PACKAGE = "generated"
"""The name of a client in Python."""
REQUIREMENTS = Path(__file__).parent / "generated_python.txt"
# Where pip says that it found no registry.
_NO_NETWORK = re.compile(r"NewConnectionError|ConnectTimeoutError|Temporary failure in name resolution")
_SOURCES_ALONE = "apiTests=false,modelTests=false,apiDocs=false,modelDocs=false"


@dataclass(frozen=True, slots=True)
class Generator:
    """One of the generators."""

    generate: Callable[[str, Path], str]
    """Makes a client in a directory that is not there yet; returns what was said."""
    compile: Callable[[Path], None]
    operations: Callable[[Path], int]
    """How many operations a client has."""


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Return the output. Raises CalledProcessError with it."""
    words = [str(word) for word in command]
    ended = subprocess.run(words, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if ended.returncode:
        error = subprocess.CalledProcessError(ended.returncode, words)
        error.add_note(ended.stdout[-10000:])
        raise error
    return ended.stdout


def install_python_requirements(directory: Path) -> None:
    """Install into a directory what openapi-generator's Python client needs. Raises UnavailableError."""
    pip = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
    try:
        run(*pip, "--target", directory, "--requirement", REQUIREMENTS)
    except subprocess.CalledProcessError as error:
        if _NO_NETWORK.search("".join(error.__notes__)):
            raise UnavailableError("pip finds no package registry") from error
        raise


def _openapi_python_client(url: str, directory: Path) -> str:
    directory.mkdir()
    return run(
        *(program("openapi-python-client"), "generate", "--url", url, "--meta", "none"),
        *("--output-path", directory / PACKAGE),
    )


def _openapi_generator(name: str, *properties: str) -> Callable[[str, Path], str]:
    def generate(url: str, directory: Path) -> str:
        if shutil.which("java") is None:
            raise UnavailableError("Java is not installed, on which openapi-generator runs")
        return run(
            *(program("openapi-generator-cli"), "generate", "--input-spec", url, "--output", directory),
            *("--generator-name", name, "--global-property", _SOURCES_ALONE),
            *(f"--additional-properties={given}" for given in properties),
        )

    return generate


def _compile_python(directory: Path) -> None:
    assert compileall.compile_dir(directory, quiet=1)


def _compile_go(directory: Path) -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is missing, which compiles the client")
    run(go, "build", "./...", cwd=directory)


def _compile_typescript(directory: Path) -> None:
    install_packages()
    modern = ("--target", "es2022", "--module", "es2022", "--moduleResolution", "bundler", "--lib", "es2022,dom")
    run(PROGRAMS / "tsc", "--noEmit", "--strict", *modern, directory / "index.ts")


def _modules(directory: Path) -> int:
    return len(list((directory / PACKAGE / "api").glob("*/[!_]*.py")))


def _lines_of_readme(directory: Path) -> int:
    return len(re.findall(r"\| \*\*[A-Za-z]+\*\* /", (directory / "README.md").read_text()))


def _requests(directory: Path) -> int:
    return sum(path.read_text().count("            method: '") for path in (directory / "apis").glob("*Api.ts"))


GENERATORS: Mapping[str, Generator] = {
    "openapi-python-client": Generator(_openapi_python_client, _compile_python, _modules),
    "openapi-generator python": Generator(
        _openapi_generator("python", f"packageName={PACKAGE}"), _compile_python, _lines_of_readme
    ),
    "openapi-generator go": Generator(_openapi_generator("go"), _compile_go, _lines_of_readme),
    "openapi-generator typescript-fetch": Generator(
        _openapi_generator("typescript-fetch"), _compile_typescript, _requests
    ),
}

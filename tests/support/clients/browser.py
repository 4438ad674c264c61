"""Opens a page in headless Chromium and waits for the report that the page posts. It knows nothing about the page."""

import os
import queue
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.servers.pages import PageServer

REPORT_TIMEOUT = 90.0
EXIT_TIMEOUT = 10.0
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",  # Chromium refuses to run with a sandbox as root, as in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    # It opens only our page and contacts no other host.
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-popup-blocking",  # our page may open another without a user's click
    # The page's console, which names the reason when a call is blocked.
    "--enable-logging=stderr",
)


class UnavailableError(Exception):
    """This machine lacks something; the message is one line that says what."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A page's report, and Chromium's output."""

    report: dict[str, Any]
    console: str


@dataclass(frozen=True, slots=True)
class Browser:
    """The executable that opens pages, and the page."""

    chromium: str
    site: Path


def find_chromium() -> str:
    """Return the executable: $CHROMIUM, or the first of the usual names on PATH."""
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else NAMES:
        if path := shutil.which(name):
            return path
    raise UnavailableError(f"{named or 'Chromium'} is not installed")


def visit(chromium: str, pages: PageServer, url: str, scratch: Path, *flags: str) -> Visit:
    """Open `url` with an empty profile in `scratch`, and close the browser when the page has reported."""
    scratch.mkdir()
    console = scratch / "console.txt"
    with running([chromium, *FLAGS, *flags, f"--user-data-dir={scratch / 'profile'}", url], console):
        try:
            report = pages.reports.get(timeout=REPORT_TIMEOUT)
        except queue.Empty:
            raise AssertionError(f"{url} reported nothing; Chromium said:\n{console.read_text()}") from None
    return Visit(report, console.read_text(errors="replace"))


@contextmanager
def running(command: list[str], output: Path) -> Iterator[None]:
    """Run the program in its own process group, and end the whole group with the block."""
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(EXIT_TIMEOUT)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

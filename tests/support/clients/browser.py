"""Opens a page in headless Chromium and waits for the report that the page posts. It knows nothing of the page."""

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
    "--no-sandbox",  # it refuses to run as root with one, as containers do
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    # It opens no page but ours and asks nobody else anything.
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-popup-blocking",  # a page of ours may open another, which no click of a person asked for
    # The page's console, which names the reason when a call is blocked.
    "--enable-logging=stderr",
)


class UnavailableError(Exception):
    """Something that this machine lacks; the text is the one line that says what."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What a page reported, and what Chromium wrote beside it."""

    report: dict[str, Any]
    console: str


@dataclass(frozen=True, slots=True)
class Browser:
    """What there is to open the page with, and the page."""

    chromium: str
    site: Path


def find_chromium() -> str:
    """The executable: $CHROMIUM, or the first of the usual names on PATH."""
    named = os.environ.get("CHROMIUM")
    for name in (named,) if named else NAMES:
        if path := shutil.which(name):
            return path
    raise UnavailableError(f"{named or 'Chromium'} is not installed")


def visit(chromium: str, pages: PageServer, url: str, scratch: Path) -> Visit:
    """Opens `url` with an empty profile in `scratch` and closes the browser when the page has reported."""
    scratch.mkdir()
    console = scratch / "console.txt"
    with _running([chromium, *FLAGS, f"--user-data-dir={scratch / 'profile'}", url], console):
        try:
            report = pages.reports.get(timeout=REPORT_TIMEOUT)
        except queue.Empty:
            raise AssertionError(f"{url} reported nothing; Chromium said:\n{console.read_text()}") from None
    return Visit(report, console.read_text(errors="replace"))


@contextmanager
def _running(command: list[str], output: Path) -> Iterator[None]:
    """The program in a process group of its own, all of which ends with the block."""
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

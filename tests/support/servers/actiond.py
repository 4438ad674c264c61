"""A real `actiond serve` for tests: started on free ports with its own database, stopped with real signals."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ADMIN_TOKEN = "admin-token-of-the-tests"
START_TIMEOUT = 30.0
STOP_TIMEOUT = 30.0


class ServerProcess:
    """`actiond serve` in its own process group. `with ServerProcess(tmp_path) as server:` starts and stops it."""

    def __init__(
        self,
        directory: Path,
        *arguments: str,
        data_dir: Path | None = None,
        database: str | None = None,
        workers: int = 1,
        token: str | None = ADMIN_TOKEN,
        grpc_address: str = "127.0.0.1:0",
        http_address: str = "127.0.0.1:0",
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Run in `directory`, which is also the data directory unless `data_dir` is given.

        `arguments` are added to the command line.
        """
        self.directory = directory
        self.data_dir = data_dir or directory
        self.database = database or f"sqlite:///{self.data_dir}/actiond.db"
        self.token = token
        self.command = [sys.executable, "-m", "actiond", "serve", "--data-dir", str(self.data_dir)]
        self.command += [] if database is None else ["--database", database]
        self.command += ["--grpc-address", grpc_address, "--http-address", http_address, "--workers", str(workers)]
        self.command += arguments
        self.environment = clean_environment(ACTIOND_ADMIN_TOKEN=token, **(environment or {}))
        self.lines: list[str] = []
        """The lines printed to stdout so far."""
        self.grpc_port = 0
        self.http_port = 0
        self._unread = b""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def grpc_target(self) -> str:
        return f"127.0.0.1:{self.grpc_port}"

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def stderr(self) -> str:
        """The text written to stderr so far."""
        return self._stderr_path.read_text()

    @property
    def _stderr_path(self) -> Path:
        return self.directory / "stderr.txt"

    def launch(self) -> Self:
        """Start the process and return at once."""
        with self._stderr_path.open("wb") as stderr:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                start_new_session=True,
            )
        return self

    def start(self) -> Self:
        """Start the process and return once every worker serves."""
        self.launch()
        try:
            self.grpc_port = self._port_of("grpc listening on ")
            self.http_port = self._port_of("http listening on ")
        except BaseException:
            self.kill()
            raise
        return self

    def _port_of(self, start: str) -> int:
        return int(self.wait_for_line(start).rpartition(":")[2])

    def wait_for_line(self, start: str, timeout: float = START_TIMEOUT) -> str:
        """Return the first line of stdout that begins with `start`, waiting for it if necessary."""
        deadline = time.monotonic() + timeout
        seen = 0
        while True:
            for line in self.lines[seen:]:
                if line.startswith(start):
                    return line
            seen = len(self.lines)
            if not self._read_lines(deadline):
                raise AssertionError(f"no line {start!r} in {self.lines}; stderr:\n{self.stderr}")

    def _read_lines(self, deadline: float) -> bool:
        assert self.process.stdout is not None
        if not select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 65536)
        *lines, self._unread = (self._unread + data).split(b"\n")
        self.lines += [line.decode() for line in lines]
        return bool(data)

    def children(self) -> list[int]:
        """Return the process ids of its workers; none if it runs as a single process."""
        return children_of(self.pid)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait until the process has ended and return its exit code."""
        code = self.process.wait(timeout)
        if self.process.stdout is not None and not self.process.stdout.closed:
            os.set_blocking(self.process.stdout.fileno(), False)  # a worker that outlived it would block the read
            rest = self._unread + (self.process.stdout.read() or b"")
            self.lines += rest.decode().splitlines()
            self._unread = b""
            self.process.stdout.close()
        return code

    def stop(self, timeout: float = STOP_TIMEOUT) -> int:
        """Send SIGTERM and return the exit code."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Send SIGKILL to the whole process group, including workers."""
        if self.process.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def clean_environment(**variables: str | None) -> dict[str, str]:
    """Return this process's environment without ACTIOND_ variables, plus the given ones that are not None."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ACTIOND_")}
    return environment | {name: value for name, value in variables.items() if value is not None}


def children_of(pid: int) -> list[int]:
    """Return the process ids of a process's children."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

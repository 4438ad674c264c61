"""A real Envoy for tests, which runs a shipped configuration with only what must differ replaced."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.programs import program
from tests.support.servers.ports import free_port

ROOT = Path(__file__).parents[3]
LISTENER = "port_value: 8090"
UPSTREAM = "port_value: 50051"
START_TIMEOUT = 20.0


def shipped_config(listener: int, upstream: int) -> str:
    """Return the text of envoy.yaml with other ports."""
    text = (ROOT / "envoy.yaml").read_text()
    assert text.count(LISTENER) == text.count(UPSTREAM) == 1
    return text.replace(LISTENER, f"port_value: {listener}").replace(UPSTREAM, f"port_value: {upstream}")


class EnvoyProcess:
    """Envoy in front of the gRPC port `upstream`. `with EnvoyProcess(tmp_path, port) as envoy:` starts and stops it."""

    def __init__(
        self,
        directory: Path,
        upstream: int,
        config: Callable[[int, int], str] = shipped_config,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`config` returns the configuration for the ports of the listener and the upstream."""
        self.directory = directory
        self.upstream = upstream
        self._make_config = config
        self._environment = {**os.environ, **(environment or {})}
        self.port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """The output so far."""
        return (self.directory / "envoy.log").read_text()

    def start(self) -> Self:
        """Start Envoy and return once it accepts connections."""
        # If another process takes the chosen port first, Envoy exits, and another port is tried.
        for _ in range(5):
            self.port = free_port()
            self._launch()
            if self._is_up():
                return self
            self.stop()
        raise AssertionError(f"Envoy does not start:\n{self.log}")

    def restart(self) -> None:
        """Kill Envoy, and start it again on the same port."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._launch()
        assert self._is_up(), self.log

    def _launch(self) -> None:
        config = self.directory / "envoy.yaml"
        config.write_text(self._make_config(self.port, self.upstream))
        # Hot restart would make two Envoys on one machine share memory.
        command = [program("envoy"), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "warning"]
        with (self.directory / "envoy.log").open("wb") as log:
            # Run in the repository's root, to which the descriptor set's path is relative.
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )

    def _is_up(self) -> bool:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self._process.poll() is None
        return False

    def stop(self) -> None:
        """Stop Envoy if it is running."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

"""Runs web/token_receiver.js: a target that verifies what it gets by another library than ours, Node's `jose`."""

import base64
import json
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.support.npm import WEB

TIMEOUT = 30.0


class TokenReceiver:
    """The running receiver. Each request that it got is taken once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self.request()['port']}/"

    def request(self) -> Any:
        """Return what the receiver says of the next request."""
        found = self._lines.get(timeout=TIMEOUT)
        assert found is not None, "the receiver has ended"
        return found

    def payload(self) -> Any:
        """Return the payload of the next request, which must have been verified."""
        return json.loads(payload_of(self.request()))

    def close(self) -> list[Any]:
        """End the receiver, and return the requests that have not been taken."""
        self._process.kill()
        self._thread.join()
        self._process.wait()
        found = list(iter(self._lines.get, None))
        self._lines.put(None)
        return found

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
        self._process.stdout.close()
        self._lines.put(None)


def payload_of(request: Any) -> bytes:
    """Return the payload that was signed, byte for byte."""
    assert "error" not in request, request
    return base64.b64decode(request["payload"])


@contextmanager
def token_receiver(issuer: str, private_keys: Mapping[str, str], cache_seconds: float = 300) -> Iterator[TokenReceiver]:
    """Run a receiver, whose packages are installed.

    private_keys: in PEM, by the ids of their public keys.
    """
    arguments = [issuer, str(int(cache_seconds * 1000)), json.dumps(dict(private_keys))]
    process = subprocess.Popen(["node", WEB / "token_receiver.js", *arguments], stdout=subprocess.PIPE, text=True)
    receiver = TokenReceiver(process)
    try:
        yield receiver
    finally:
        receiver.close()

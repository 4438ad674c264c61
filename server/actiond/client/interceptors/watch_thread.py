"""The watch on a thread of its own."""

import threading
import time
from contextlib import suppress
from typing import Any

import grpc
from actiond_protos.actiond.v1.execution_service_pb2 import WatchExecutionsRequest

from actiond.client.interceptors.asking import Metadata
from actiond.client.interceptors.faults import Faults
from actiond.client.interceptors.rules import Rules
from actiond.client.interceptors.watching import STUCK, Pace


class WatchThread:
    """Keeps the rules up to date while calls need them."""

    def __init__(self, watch: Any, metadata: Metadata, rules: Rules, faults: Faults) -> None:
        """`watch` is the method of the stub."""
        self._watch = watch
        self._metadata = metadata
        self._rules = rules
        self._faults = faults
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stream: Any = None
        self._heard_at = 0.0
        self._closed = threading.Event()

    def ensure(self) -> None:
        """Start the thread unless it runs, and cut a watch that is stuck. Called whenever actiond is asked."""
        with self._lock:
            if self._closed.is_set():
                return
            # It does not run in a forked process.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="actiond-watch", daemon=True)
                self._thread.start()
            elif self._stream is not None and time.monotonic() - self._heard_at > STUCK:
                self._stream.cancel()

    def close(self) -> None:
        """End the thread and wait for its end."""
        with self._lock:
            self._closed.set()
            thread, stream = self._thread, self._stream
        if stream is not None:
            stream.cancel()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        pace = Pace(self._rules)
        while True:
            pace.began()
            if not self._follow(pace):
                break
            is_closed = self._closed.wait(pace.delay())
            with self._lock:
                if is_closed or pace.is_idle():
                    self._thread = None
                    break

    def _follow(self, pace: Pace) -> bool:
        """Watch until the stream ends. Returns whether there is any sense in another one."""
        self._rules.watch_began()
        try:
            stream = self._begin()
            if stream is None:
                return False
            for message in stream:
                self._heard_at = time.monotonic()
                self._rules.heard(message.revision)
                with self._lock:
                    if pace.is_idle():
                        self._thread = None
                        stream.cancel()
                        return False
        except grpc.RpcError as error:
            if not self._closed.is_set():
                self._faults.watch_failed(error.code().name, error.details() or "")
        finally:
            self._stream = None
            self._rules.watch_ended()
        return True

    def _begin(self) -> Any:
        """Return a new stream; None if the channel is closed, or this."""
        self._heard_at = time.monotonic()
        with suppress(ValueError):  # the channel is closed
            stream = self._watch(WatchExecutionsRequest(), metadata=self._metadata)
            with self._lock:
                self._stream = stream
                if not self._closed.is_set():
                    return stream
            stream.cancel()
        self._closed.set()
        return None

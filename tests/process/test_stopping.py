"""How a server of one process ends: signals, the drain, and its grace."""

import signal
import socket
import threading
import time
from collections.abc import Iterator

import grpc
import pytest

from tests.process.conftest import Start
from tests.support.action_service.http_calls import HalfSentCall, accepts, create_target
from tests.support.waiting import WAIT, until

SHORT_GRACE = ("--shutdown-grace-period", "1", "--read-timeout", "0.9")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_closes_both_listeners_lets_a_call_finish_and_ends_with_0(
    start: Start, number: signal.Signals
) -> None:
    server = start()
    with HalfSentCall(server, "in flight") as call:
        assert create_target(server, "before") == 201
        server.signal(number)
        until(lambda: not accepts(server.http_port), "HTTP refuses connections")
        until(lambda: not accepts(server.grpc_port), "gRPC refuses connections")
        assert server.process.poll() is None
        answer = call.finish()
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert b"connection: close" in answer.lower()
    assert server.wait() == 0
    assert "Traceback" not in server.stderr


def test_without_a_call_the_end_is_at_once(start: Start) -> None:
    server = start()
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 2


def test_an_idle_connection_is_closed_and_holds_nothing_up(start: Start) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.http_port), WAIT) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 ")
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 2
        assert idle.recv(1) == b""


def test_a_silent_connection_holds_nothing_up(start: Start) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.http_port), WAIT):
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 2


def test_a_second_signal_ends_the_grace(start: Start) -> None:
    server = start()
    with HalfSentCall(server, "in flight") as call:
        assert create_target(server, "before") == 201
        server.signal(signal.SIGTERM)
        until(lambda: not accepts(server.http_port), "HTTP refuses connections")
        began = time.monotonic()
        server.signal(signal.SIGINT)
        assert server.wait() == 0
        assert time.monotonic() - began < 3
        assert call.answer().startswith(b"HTTP/1.1 503 ")
    assert "Traceback" not in server.stderr


def test_a_grpc_call_that_outlasts_the_grace_is_cancelled_and_the_exit_code_is_0(start: Start) -> None:
    server = start(*SHORT_GRACE)
    ended = threading.Event()
    with grpc.insecure_channel(server.grpc_target) as channel:
        # Reflection answers until its client has no more questions: this one keeps its client's turn open.
        reflection: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
        )
        call = reflection(_one_question_then_silence(ended))
        assert b"ActionService" in next(call)
        began = time.monotonic()
        assert server.stop() == 0
        assert 0.9 < time.monotonic() - began < 4
        assert call.code() is grpc.StatusCode.UNAVAILABLE
        ended.set()
    assert "Traceback" not in server.stderr


def _one_question_then_silence(ended: threading.Event) -> Iterator[bytes]:
    yield b"\x3a\x00"  # field 7, list_services, empty
    ended.wait(WAIT)

"""The bench runs, its tables are whole and its rows do the same work. What it measured is nobody's business here."""

import socket
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench import executions, gateway, report, targets, waiting
from bench.__main__ import PARTS
from bench.http2 import DATA, END_STREAM, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, GrpcConversation, frame
from bench.load import CallError, HttpConversation
from bench.measure import Figures, Result
from bench.requests import JSON, JSON_PATH, JSON_TYPE, METHOD, WEB, WEB_TYPE, is_good
from bench.streams import GrpcStreams, WebStream
from bench.subjects import Answer, Bound, Goal, MissingError, Pair, Server, Servers, Subject, ask, post
from bench.target_server import CHANGE, COUNT, DOWN, FAST, SLOW, UP
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

ROOT = Path(__file__).parents[1]
MESSAGE = b"\0\0\0\0\2ok"
SECONDS = "0.02"
"""Of a round: what is begun in it is waited for, so every row has its calls."""


def run(*arguments: str) -> list[str]:
    command = [sys.executable, "-m", "bench", *arguments]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=250, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.parametrize("part", PARTS)
def test_each_row_of_a_part_has_its_figures_or_says_what_is_missing(part: str) -> None:
    lines = run(part, "--seconds", SECONDS, "--rounds", "1", "--waiting", "40", "--backlog", "200")
    # The goals and the pairs, which begin with a row's name too, stand further down.
    rows = {line.split()[0]: line.split()[1:] for line in reversed(lines) if line.strip()}
    for subject in PARTS[part].subjects:
        if any(line.startswith(f"{subject.name} is skipped: ") for line in lines):
            continue
        rate, _, p50, p99, *_ = rows[subject.name]
        assert float(rate.replace(",", "")) > 0
        assert 0 < float(p50) <= float(p99)


def test_the_bench_measures_the_rows_that_it_is_asked_for() -> None:
    lines = run("--seconds", SECONDS, "--rounds", "2", "--only", "commits")
    printed = {line.split()[0] for line in lines if line.strip()}
    names = {subject.name for part in PARTS.values() for subject in part.subjects}
    assert printed & names == {"commits"}


def test_every_goal_and_every_pair_names_rows_that_there_are() -> None:
    for part in PARTS.values():
        names = {subject.name for subject in part.subjects}
        assert names.issuperset(name for goal in part.goals for name in (goal.row, *goal.others))
        assert names.issuperset(name for pair in part.pairs for name in (pair.row, pair.beside))
        assert names.issuperset(bound.row for bound in part.bounds)
        assert names.issuperset(subject.limit for subject in part.subjects)


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(gateway.PART.starters, stack)


@pytest.mark.parametrize("name", ["constant", *(["granian"] if find_spec("granian") else [])])
@pytest.mark.parametrize(("path", "headers", "body"), [(JSON_PATH, JSON_TYPE, JSON), (METHOD, WEB_TYPE, WEB)])
def test_constant_responses_have_the_gateways_bytes_and_headers(
    servers: Servers, name: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    def lasting(answer: Answer) -> Answer:
        # What each answer and each server has of its own.
        own = {"date", "server", "x-request-id"}
        kept = {name: value for name, value in answer.headers.items() if name not in own}
        return Answer(answer.status, kept, answer.body)

    ours, constant = (ask(servers.get(one).http_port, path, headers, body) for one in ("gateway", name))
    assert lasting(ours) == lasting(constant)


@pytest.mark.parametrize("protocol", ["json", "connect", "grpc-web", "grpc", "stream-grpc-100", "stream-web-20k"])
def test_the_gateway_gives_the_answer_that_every_row_must_give(servers: Servers, protocol: str) -> None:
    gateway.PART.clients[protocol](servers.get("gateway"))


@pytest.mark.parametrize("protocol", ["json-tls", "grpc-tls"])
def test_the_gateway_gives_the_same_answer_over_tls(servers: Servers, protocol: str) -> None:
    gateway.PART.clients[protocol](servers.get("gateway-tls"))


def test_rows_that_need_go_say_so_where_it_is_missing(servers: Servers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(MissingError, match="Go is not installed"):
        servers.get("grpc-go")


@pytest.mark.parametrize("protocol", ["json", "grpc-web"])
def test_a_server_that_answers_anything_else_is_not_measured(protocol: str, tmp_path: Path) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(CallError, match="not the response that every row returns"):
            gateway.PART.clients[protocol](Server(0, server.server_port, (), tmp_path))
        server.shutdown()


# Slow targets.


@pytest.fixture(scope="module")
def target() -> Iterator[Server]:
    with ExitStack() as stack:
        yield Servers(targets.PART.starters, stack).get("target")


def wait_for_count(target: Server, number: int) -> None:
    """Until so many requests wait on the slow target."""
    give_up = time.monotonic() + 20
    while int(ask(target.http_port, COUNT, {}, b"", "GET").body) != number:
        assert time.monotonic() < give_up


def test_the_slow_target_counts_the_calls_that_wait_there(target: Server) -> None:
    with socket.create_connection(("127.0.0.1", target.http_port)) as connection:
        request = post(SLOW, {}, b"payload")
        connection.sendall(request[:-1])
        wait_for_count(target, 0)
        connection.sendall(request[-1:])
        wait_for_count(target, 1)
    wait_for_count(target, 0)


def test_a_target_is_down_until_it_is_brought_up() -> None:
    with ExitStack() as stack:
        target = Servers(targets.PART.starters, stack).get("target")
        statuses = [ask(target.http_port, path, JSON_TYPE, JSON).status for path in (DOWN, FAST, UP, DOWN)]
    assert statuses == [503, 200, 200, 200]


def test_the_fast_target_answers_with_a_change(target: Server) -> None:
    assert ask(target.http_port, FAST, JSON_TYPE, JSON).body == CHANGE


def test_calls_that_do_not_wait_end_the_bench(target: Server) -> None:
    # It answers whatever is asked, at once.
    with pytest.raises(CallError, match="0 of 3 calls wait"), waiting.keep(3, target, target):
        pytest.fail("nothing waits")


def test_calls_that_wait_no_more_end_the_bench(target: Server, tmp_path: Path) -> None:
    with ServerProcess(tmp_path, "--allow-address", "127.0.0.0/8") as process:
        server = Server(process.grpc_port, process.http_port, (process.pid,), tmp_path)
        slow = executions.create_target(server, ADMIN_TOKEN, f"http://127.0.0.1:{target.http_port}{SLOW}")
        executions.set_execution(server, ADMIN_TOKEN, {"request": {"method": waiting.CALL.method}}, slow)

        def lose() -> None:
            process.kill()
            wait_for_count(target, 0)

        with pytest.raises(CallError, match="0 of 4 calls still wait"), waiting.keep(4, server, target):
            lose()


# The load generator.

ANSWER = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\ngrpc-status: 0\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize("answer", [ANSWER, CHUNKED])
def test_an_answer_over_http_may_come_in_pieces(answer: bytes) -> None:
    for cut in range(1, len(answer)):
        conversation, latencies = HttpConversation(lambda: b"request", is_good), array("d")
        conversation.call(1.0)
        assert conversation.take(answer[:cut], 2.0, latencies, is_over=False) == b""
        assert conversation.take(answer[cut:], 4.0, latencies, is_over=False) == b"request"
        assert list(latencies) == [3.0]


def test_a_failed_call_over_http_ends_the_bench() -> None:
    conversation = HttpConversation(lambda: b"request", is_good)
    conversation.call(1.0)
    with pytest.raises(CallError):
        conversation.take(ANSWER.replace(b"201", b"400"), 2.0, array("d"), is_over=False)


def test_no_new_call_follows_when_the_round_is_over() -> None:
    conversation = HttpConversation(lambda: b"request", is_good)
    conversation.call(1.0)
    assert conversation.take(ANSWER, 2.0, array("d"), is_over=True) == b""
    assert conversation.in_flight == 0


def grpc_conversation() -> GrpcConversation:
    conversation = GrpcConversation(2, b"headers", lambda: b"request", b"ok".__eq__)
    conversation.call(1.0)
    return conversation


def test_answers_over_grpc_may_come_in_pieces() -> None:
    answers = b"".join(
        frame(DATA, 0, stream, MESSAGE) + frame(HEADERS, END_STREAM, stream, b"trailers") for stream in (3, 1)
    )
    for cut in range(1, len(answers)):
        conversation, latencies = grpc_conversation(), array("d")
        for piece in (answers[:cut], answers[cut:]):
            conversation.take(piece, 2.0, latencies, is_over=True)
        assert (list(latencies), conversation.in_flight) == ([1.0, 1.0], 0)


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(frame(HEADERS, END_STREAM, 1, b"trailers"), id="trailers alone"),
        pytest.param(frame(DATA, 0, 1, b"\0\0\0\0\1x") + frame(HEADERS, END_STREAM, 1, b""), id="another message"),
        pytest.param(frame(RST_STREAM, 0, 1, bytes(4)), id="a reset"),
    ],
)
def test_a_failed_call_over_grpc_ends_the_bench(failure: bytes) -> None:
    with pytest.raises(CallError):
        grpc_conversation().take(failure, 2.0, array("d"), is_over=False)


def test_settings_and_pings_are_acknowledged() -> None:
    said = frame(SETTINGS, 0, 0, b"") + frame(PING, 0, 0, b"12345678") + frame(PING, 1, 0, b"ours")
    answer = grpc_conversation().take(said, 2.0, array("d"), is_over=False)
    assert answer == frame(SETTINGS, 1, 0, b"") + frame(PING, 1, 0, b"12345678")


def test_the_names_of_headers_may_have_capitals() -> None:
    answer = ANSWER.replace(b"content-length", b"Content-Length")
    conversation, latencies = HttpConversation(lambda: b"request", is_good), array("d")
    conversation.call(1.0)
    assert conversation.take(answer, 2.0, latencies, is_over=False) == b"request"


BODY = MESSAGE * 3
TRAILERS = b"\x80\0\0\0\x10grpc-status: 0\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


def chunked(*chunks: bytes) -> bytes:
    return HEAD + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in (*chunks, b""))


@pytest.mark.parametrize("chunks", [(BODY, TRAILERS), (MESSAGE, BODY[len(MESSAGE) :] + TRAILERS), (BODY + TRAILERS,)])
def test_a_stream_over_http_may_come_in_pieces(chunks: tuple[bytes, ...]) -> None:
    answer = chunked(*chunks)
    for cut in range(1, len(answer)):
        conversation, latencies = WebStream(b"request", len(BODY)), array("d")
        conversation.call(1.0)
        assert conversation.take(answer[:cut], 2.0, latencies, is_over=False) == b""
        assert conversation.take(answer[cut:], 4.0, latencies, is_over=False) == b"request"
        assert list(latencies) == [3.0]


@pytest.mark.parametrize("answer", [chunked(BODY), chunked(MESSAGE, TRAILERS), chunked(BODY, BODY, TRAILERS), ANSWER])
def test_a_stream_over_http_that_is_not_whole_ends_the_bench(answer: bytes) -> None:
    conversation = WebStream(b"request", len(BODY))
    conversation.call(1.0)
    with pytest.raises(CallError):
        conversation.take(answer, 2.0, array("d"), is_over=False)


def grpc_streams() -> GrpcStreams:
    conversation = GrpcStreams(2, b"headers", b"request", len(BODY))
    conversation.call(1.0)
    return conversation


def test_streams_over_grpc_may_come_in_pieces() -> None:
    answers = b"".join(
        frame(HEADERS, 0, stream, b"head")
        + frame(DATA, 0, stream, MESSAGE)
        + frame(DATA, 0, stream, BODY[len(MESSAGE) :])
        + frame(HEADERS, END_STREAM, stream, b"trailers")
        for stream in (3, 1)
    )
    for cut in range(1, len(answers)):
        conversation, latencies = grpc_streams(), array("d")
        for piece in (answers[:cut], answers[cut:]):
            conversation.take(piece, 2.0, latencies, is_over=True)
        assert (list(latencies), conversation.in_flight) == ([1.0, 1.0], 0)


@pytest.mark.parametrize(
    "failure",
    [
        pytest.param(frame(HEADERS, END_STREAM, 1, b"trailers"), id="no message"),
        pytest.param(frame(DATA, 0, 1, BODY + b"x") + frame(HEADERS, END_STREAM, 1, b""), id="too long"),
        pytest.param(frame(DATA, END_STREAM, 1, BODY), id="no trailers"),
        pytest.param(frame(RST_STREAM, 0, 1, bytes(4)), id="a reset"),
    ],
)
def test_a_stream_over_grpc_that_is_not_whole_ends_the_bench(failure: bytes) -> None:
    with pytest.raises(CallError):
        grpc_streams().take(failure, 2.0, array("d"), is_over=False)


def test_windows_of_streams_are_opened_when_half_of_them_is_used() -> None:
    conversation, half = grpc_streams(), 2**19

    def take(stream: int) -> bytes:
        return conversation.take(frame(DATA, 0, stream, bytes(half)), 2.0, array("d"), is_over=False)

    def update(stream: int, increment: int) -> bytes:
        return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4, "big"))

    assert take(1) == update(1, half)
    # The connection's window is that of both streams.
    assert take(3) == update(3, half) + update(0, 2 * half)


# The report.


def result(rate: float) -> Result:
    return Result([Figures(rate, 0.001, 0.002, 1 / rate, 0.1)])


def test_a_goal_is_held_against_the_fastest_of_the_others() -> None:
    results = {"own": result(50), "slow": result(20), "fast": result(100)}
    text = report.goals([Goal("own", ("slow", "fast"), 0.9)], results)
    assert text.splitlines()[1].split()[-4:] == ["rate", "0.90", "0.50", "no"]


def test_a_goal_by_cpu_time_is_held_against_the_others_time() -> None:
    results = {"own": result(50), "slow": result(20), "fast": result(100)}
    text = report.goals([Goal("own", ("slow", "fast"), 0.5, "CPU")], results)
    assert text.splitlines()[1].split()[-4:] == ["CPU", "0.50", "0.50", "yes"]


def test_a_goal_by_latency_is_held_against_the_others_latency() -> None:
    results = {"own": Result([Figures(1, 0.004, 0.009, 1, 0)]), "other": Result([Figures(1, 0.003, 0.003, 1, 0)])}
    lines = [report.goals([Goal("own", ("other",), 0.5, figure)], results).splitlines()[1] for figure in ("p50", "p99")]
    assert [line.split()[-4:] for line in lines] == [["p50", "0.50", "0.75", "yes"], ["p99", "0.50", "0.33", "no"]]


def test_a_bound_is_held_against_the_figure_itself() -> None:
    bounds = [
        Bound("own", "rate", 40),
        Bound("own", "rate", 60),
        Bound("own", "p99", 0.002),
        Bound("own", "p99", 0.001),
    ]
    _, *lines = report.bounds(bounds, {"own": result(50)}).splitlines()
    assert [line.split()[-3:] for line in lines] == [
        ["40", "50", "yes"],
        ["60", "50", "no"],
        ["2", "2.00", "yes"],
        ["1", "2.00", "no"],
    ]


def test_a_bound_without_its_row_is_left_out() -> None:
    assert report.bounds([Bound("missing", "rate", 1)], {"own": result(50)}) == ""


def test_a_goal_without_its_peers_is_left_out() -> None:
    assert report.goals([Goal("own", ("missing",), 0.9)], {"own": result(50)}) == ""


def test_a_pair_is_the_median_of_its_rounds_ratios() -> None:
    results = {
        "burdened": Result([Figures(rate, 0.002, 0.009, 3e-5, 0.1) for rate in (10, 50, 90)]),
        "free": Result([Figures(rate, 0.001, 0.003, 2e-5, 0.1) for rate in (10, 100, 100)]),
    }
    text = report.pairs([Pair("burdened", "free")], results)
    assert text.splitlines()[1].split() == ["burdened", "free", "2.00", "3.00", "1.50", "0.90"]


def test_a_ratio_to_a_row_without_a_server_to_measure_is_left_out() -> None:
    results = {"own": result(50), "plain": Result([Figures(100, 0.001, 0.002, 0.0, 0.1)])}
    text = report.pairs([Pair("own", "plain")], results)
    assert text.splitlines()[1].split() == ["own", "plain", "1.00", "1.00", "-", "0.50"]


def test_the_time_of_other_processes_is_shown_apart() -> None:
    subjects = [Subject("own", "", "", "own", "what"), Subject("alone", "", "", "alone", "what")]
    results = {"own": Result([Figures(50, 0.001, 0.002, 2e-5, 0.1, 3e-5)]), "alone": result(50)}
    header, *lines = report.table(subjects, results).splitlines()
    assert header.index("all µs") > header.index("CPU µs")
    assert [line.split()[5:7] for line in lines] == [["20.0", "50.0"], ["20000.0", "-"]]


def test_a_pair_without_its_peer_is_left_out() -> None:
    assert report.pairs([Pair("own", "missing")], {"own": result(50)}) == ""

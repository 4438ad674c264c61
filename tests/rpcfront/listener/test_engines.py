"""What the listener expects of an HTTP/2 engine, over ngh2 and over the stand-in by hyper's h2."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from rpcfront.listener.engine import CANCEL, NO_ERROR, Engine, EngineOverError, Fields, StreamGoneError
from rpcfront.listener.engine_ngh2 import Ngh2Engine
from rpcfront.listener.limits import ConnectionLimits
from tests.rpcfront.listener.engine_h2 import H2Engine
from tests.support.clients.http2_client import INITIAL_WINDOW, PREFACE, Http2Client, head

LIMITS = ConnectionLimits(streams=5, stream_window=10_000, connection_window=INITIAL_WINDOW)
OK = [(b":status", b"200"), (b"content-type", b"text/plain")]
TAKE = 2**20
LAST_STREAM = 2**31 - 1


@dataclass
class Wire:
    """An engine, and a client whose bytes reach it."""

    engine: Engine
    client: Http2Client = field(default_factory=Http2Client)
    seen: list[Any] = field(default_factory=list)

    def turn(self, take: int = TAKE) -> list[Any]:
        """Carry what either side has written to the other. Return the engine's events."""
        events: list[Any] = []
        for _ in range(10):
            sent = bytes(self.client.out)
            self.client.out.clear()
            if sent:
                events += self.engine.receive(sent)
            taken = self.engine.take(take)
            events += self.engine.events()
            self.client.receive(taken)
            if not taken and not self.client.out:
                break
        self.seen += events
        return events

    def of(self, kind: type[Any]) -> list[Any]:
        """Return the events of a kind that were seen so far."""
        return [event for event in self.seen if isinstance(event, kind)]

    def requested(self, method: str = "GET", *, end: bool = True) -> int:
        """Send a request, and see that it has arrived."""
        stream = self.client.request(head(method, "/path", ("x-field", "value")), end=end)
        self.turn()
        assert self.of(self.engine.REQUEST)[-1].stream_id == stream
        return stream


MAKERS: dict[str, Callable[[ConnectionLimits], Engine]] = {"ngh2": Ngh2Engine, "h2": H2Engine}


@pytest.fixture(params=MAKERS)
def wire(request: pytest.FixtureRequest) -> Wire:
    wire = Wire(MAKERS[request.param](LIMITS))
    wire.turn()
    return wire


def test_the_settings_say_what_is_taken(wire: Wire) -> None:
    assert wire.client.settings.items() >= {3: LIMITS.streams, 4: LIMITS.stream_window, 6: LIMITS.head_bytes}.items()
    assert wire.client.settings_acks == 1


def test_the_connections_window_is_opened_at_the_start() -> None:
    for make in MAKERS.values():
        wire = Wire(make(ConnectionLimits(connection_window=2**20)))
        wire.turn()
        assert wire.client.window == 2**20


def test_a_request_comes_with_its_fields_in_order_and_in_bytes(wire: Wire) -> None:
    stream = wire.client.request(head("GET", "/path?query", ("x-one", "1"), ("x-one", "2"), ("cookie", "a=b")))
    (request,) = [event for event in wire.turn() if isinstance(event, wire.engine.REQUEST)]
    assert request.stream_id == stream
    assert request.end_stream
    assert list(request.headers) == [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":authority", b"localhost"),
        (b":path", b"/path?query"),
        (b"x-one", b"1"),
        (b"x-one", b"2"),
        (b"cookie", b"a=b"),
    ]


def test_a_body_and_its_trailers_arrive(wire: Wire) -> None:
    stream = wire.requested("POST", end=False)
    assert not wire.of(wire.engine.REQUEST)[-1].end_stream
    wire.client.data(stream, b"one")
    wire.client.data(stream, b"two")
    wire.client.fields(stream, [("x-trailer", "1")], end=True)
    wire.turn()
    data = wire.of(wire.engine.DATA)
    assert [(event.stream_id, bytes(event.data), event.end_stream) for event in data] == [
        (stream, b"one", False),
        (stream, b"two", False),
    ]
    assert [event.stream_id for event in wire.of(wire.engine.TRAILERS)] == [stream]


def test_a_body_ends_with_its_last_frame(wire: Wire) -> None:
    stream = wire.requested("POST", end=False)
    wire.client.data(stream, b"all", end=True)
    wire.turn()
    assert [(event.data, event.end_stream) for event in wire.of(wire.engine.DATA)] == [(b"all", True)]


def test_only_what_was_consumed_opens_the_windows(wire: Wire) -> None:
    stream = wire.requested("POST", end=False)
    wire.client.data(stream, bytes(LIMITS.stream_window))
    wire.turn()
    assert (wire.client.streams[stream].window, wire.client.window) == (0, INITIAL_WINDOW - LIMITS.stream_window)
    wire.engine.consumed(stream, LIMITS.stream_window)
    wire.turn()
    assert wire.client.streams[stream].window == LIMITS.stream_window
    # An engine may wait until a part of the window worth a frame is consumed.
    for _ in range(8):
        wire.client.data(stream, bytes(LIMITS.stream_window))
        wire.turn()
        wire.engine.consumed(stream, LIMITS.stream_window)
        wire.turn()
    assert wire.client.window >= INITIAL_WINDOW // 2


def test_what_a_closed_stream_held_opens_the_connections_window(wire: Wire) -> None:
    for _ in range(20):
        stream = wire.requested("POST", end=False)
        wire.client.data(stream, bytes(LIMITS.stream_window))
        wire.turn()
        wire.client.reset(stream)
        wire.turn()
        wire.engine.consumed(stream, LIMITS.stream_window)
        wire.turn()
    assert wire.client.window >= INITIAL_WINDOW // 2


def test_data_on_a_stream_that_was_reset_costs_nothing_of_the_window(wire: Wire) -> None:
    for _ in range(20):
        stream = wire.requested("POST", end=False)
        wire.engine.reset(stream, NO_ERROR)
        wire.turn()
        wire.client.data(stream, bytes(LIMITS.stream_window))
        wire.turn()
    assert wire.client.window >= INITIAL_WINDOW // 2


def test_a_client_that_ignores_its_window_is_cut(wire: Wire) -> None:
    stream = wire.requested("POST", end=False)
    wire.client.data(stream, bytes(LIMITS.stream_window + 1))
    wire.turn()
    # On the stream or on the whole connection: both are right (RFC 9113, 6.9.1).
    assert wire.client.goaways or wire.client.streams[stream].reset == 3


def test_a_response_ends_with_its_head_its_body_or_its_trailers(wire: Wire) -> None:
    bare, whole, trailed = wire.requested(), wire.requested(), wire.requested()
    wire.engine.answer(bare, OK, b"", ())
    wire.engine.respond(whole, OK)
    wire.engine.send(whole, b"body", end=True)
    wire.engine.respond(trailed, OK)
    wire.engine.send(trailed, b"body", end=False)
    wire.engine.trailers(trailed, [(b"grpc-status", b"0")])
    wire.turn()
    streams = wire.client.streams
    assert [bytes(streams[stream].body) for stream in (bare, whole, trailed)] == [b"", b"body", b"body"]
    assert all(streams[stream].has_ended for stream in (bare, whole, trailed))
    assert streams[trailed].blocks == [{":status": "200", "content-type": "text/plain"}, {"grpc-status": "0"}]
    assert {event.stream_id for event in wire.of(wire.engine.CLOSED)} == {bare, whole, trailed}


@pytest.mark.parametrize("body", [b"", b"body", bytes(100_000)], ids=len)
@pytest.mark.parametrize("trailers", [(), ((b"grpc-status", b"0"),)], ids=len)
def test_a_whole_response_is_sent_at_once(wire: Wire, body: bytes, trailers: Fields) -> None:
    stream = wire.requested()
    wire.engine.answer(stream, OK, body, trailers)
    wire.turn()
    response = wire.client.streams[stream]
    assert (response.has_ended, bytes(response.body)) == (True, body)
    assert [len(block) for block in response.blocks] == [2, *[1] * len(trailers)]
    assert [event.stream_id for event in wire.of(wire.engine.CLOSED)] == [stream]


def test_an_empty_last_piece_ends_a_response(wire: Wire) -> None:
    stream = wire.requested()
    wire.engine.respond(stream, OK)
    wire.engine.send(stream, b"body", end=False)
    wire.turn()
    assert not wire.client.streams[stream].has_ended
    wire.engine.send(stream, b"", end=True)
    wire.turn()
    assert wire.client.streams[stream].has_ended


def test_an_informational_response_comes_before_the_response(wire: Wire) -> None:
    stream = wire.requested("POST", end=False)
    wire.engine.inform(stream, [(b":status", b"100")])
    wire.engine.answer(stream, OK, b"", ())
    wire.turn()
    assert [block[":status"] for block in wire.client.streams[stream].blocks] == ["100", "200"]


def test_what_no_window_lets_out_is_queued(wire: Wire) -> None:
    wire.client.opens_windows = False
    one, other = wire.requested(), wire.requested()
    for stream in (one, other):
        wire.engine.respond(stream, OK)
        wire.engine.send(stream, bytes(50_000), end=True)
    wire.turn()
    sent = len(wire.client.streams[one].body) + len(wire.client.streams[other].body)
    assert sent == INITIAL_WINDOW
    assert wire.engine.queued(None) == 100_000 - INITIAL_WINDOW
    assert wire.engine.queued(one) + wire.engine.queued(other) == wire.engine.queued(None)
    wire.client.open_window(0, 100_000)
    wire.turn()
    assert wire.engine.queued(None) == wire.engine.queued(one) == wire.engine.queued(other) == 0
    assert wire.client.streams[one].has_ended


def test_no_more_is_taken_than_was_asked_for(wire: Wire) -> None:
    wire.client.open_window(0, 2**20)
    stream = wire.requested()
    wire.client.open_window(stream, 2**20)
    wire.turn()
    wire.engine.respond(stream, OK)
    wire.engine.send(stream, bytes(500_000), end=True)
    taken = 0
    while data := wire.engine.take(20_000):
        assert len(data) < 40_000
        taken += len(data)
    assert taken > 500_000


def test_an_answered_upload_is_reset_behind_the_answer(wire: Wire) -> None:
    stream = wire.requested("POST", end=False)
    wire.engine.respond(stream, OK)
    wire.engine.send(stream, b"answer", end=True)
    wire.turn()
    wire.engine.reset(stream, NO_ERROR)
    wire.turn()
    response = wire.client.streams[stream]
    assert (bytes(response.body), response.has_ended, response.reset) == (b"answer", True, NO_ERROR)
    assert response.order.index("RstStream") == len(response.order) - 1
    assert [event.stream_id for event in wire.of(wire.engine.CLOSED)] == [stream]


def test_the_clients_reset_closes_a_stream(wire: Wire) -> None:
    stream = wire.requested("POST", end=False)
    wire.client.reset(stream, CANCEL)
    wire.turn()
    assert [(event.stream_id, event.error_code) for event in wire.of(wire.engine.CLOSED)] == [(stream, CANCEL)]


@pytest.mark.parametrize(
    "write",
    [
        lambda engine, stream: engine.answer(stream, OK, b"body", ()),
        lambda engine, stream: engine.respond(stream, OK),
        lambda engine, stream: engine.inform(stream, [(b":status", b"100")]),
        lambda engine, stream: engine.send(stream, b"more", end=False),
        lambda engine, stream: engine.trailers(stream, [(b"grpc-status", b"0")]),
    ],
    ids=["answer", "respond", "inform", "send", "trailers"],
)
@pytest.mark.parametrize("has_begun", [False, True])
def test_writing_to_a_stream_that_the_client_has_reset_harms_nothing_else(
    wire: Wire, write: Callable[[Engine, int], None], has_begun: bool
) -> None:
    stream = wire.requested("POST", end=False)
    if has_begun:
        wire.engine.respond(stream, OK)
    wire.client.reset(stream)
    wire.turn()
    with pytest.raises(StreamGoneError):
        write(wire.engine, stream)
    # There is nothing left to reset, so that an engine may also say nothing.
    with suppress(StreamGoneError):
        wire.engine.reset(stream, CANCEL)
    wire.engine.consumed(stream, 0)
    other = wire.requested()
    wire.engine.answer(other, OK, b"", ())
    wire.turn()
    assert wire.client.streams[other].has_ended
    assert not wire.client.goaways


def test_a_ping_is_answered_and_the_answer_to_ours_is_an_event(wire: Wire) -> None:
    wire.client.ping()
    wire.turn()
    assert wire.client.pongs == 1
    assert not wire.of(wire.engine.PONG)
    wire.engine.ping()
    wire.turn()
    assert len(wire.of(wire.engine.PONG)) == 1


def test_requests_are_taken_after_the_notice_and_answered_after_the_goaway(wire: Wire) -> None:
    wire.client.opens_windows = False  # an engine may take nothing more once the last stream has ended
    first = wire.requested()
    wire.engine.notice()
    wire.turn()
    assert wire.client.goaways == [(LAST_STREAM, NO_ERROR)]
    second = wire.requested()
    wire.engine.goaway()
    wire.turn()
    assert wire.client.goaways[1:] == [(second, NO_ERROR)]
    for stream in (first, second):
        wire.engine.respond(stream, OK)
        wire.engine.send(stream, b"body", end=True)
    wire.turn()
    assert [bytes(wire.client.streams[stream].body) for stream in (first, second)] == [b"body", b"body"]


def test_a_request_after_the_goaway_is_not_taken(wire: Wire) -> None:
    wire.requested()
    wire.engine.goaway()
    wire.turn()
    wire.client.request(head())
    wire.turn()
    assert len(wire.of(wire.engine.REQUEST)) == 1


def test_garbage_in_place_of_the_preface_ends_everything() -> None:
    for make in MAKERS.values():
        engine = make(LIMITS)
        with pytest.raises(EngineOverError):
            engine.receive(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"\0\0\0\x04\x01\0\0\0\x01", id="SETTINGS on a stream"),
        pytest.param(b"\0\0\x04\x08\0\0\0\0\0\0\0\0\0", id="a window that opens by nothing"),
        pytest.param(b"\0\0\x01\0\0\0\0\0\0x", id="DATA on no stream"),
        pytest.param(b"\0\0\x01\x01\x05\0\0\0\x01\xff", id="a block that HPACK does not have"),
    ],
)
def test_a_broken_frame_is_answered_by_a_goaway_and_the_end(wire: Wire, garbage: bytes) -> None:
    wire.client.out += garbage
    wire.turn()
    assert [code for _, code in wire.client.goaways if code] != []
    assert wire.of(wire.engine.OVER)


def test_bytes_make_the_same_events_however_they_are_cut(wire: Wire) -> None:
    client = Http2Client()
    stream = client.request(head("POST", "/path"), end=False)
    client.data(stream, b"body")
    client.fields(stream, [("x-trailer", "1")], end=True)
    assert bytes(client.out).startswith(PREFACE)
    engine = type(wire.engine)(LIMITS)  # type: ignore[call-arg]  # the protocol has no constructor, each engine has this one
    events: list[Any] = []
    for byte in bytes(client.out):
        events += engine.receive(bytes([byte]))
    kinds = [kind for event in events for kind in (engine.REQUEST, engine.DATA, engine.TRAILERS) if type(event) is kind]
    assert kinds == [engine.REQUEST, engine.DATA, engine.TRAILERS]

"""Requests whose sender goes away in the middle. What was sent would do as a whole request, and yet nothing is made."""

import socket
import struct
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.parity.service import token_of
from tests.support.action_service.connections import DIRECT, Ports
from tests.support.action_service.cut_calls import CALLS
from tests.support.action_service.drivers import Driver
from tests.support.action_service.requests import create, request


def _half_close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_WR)
    # To the end of the connection: by then the server is done with the call.
    while connection.recv(65536):
        pass


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _close(_connection: socket.socket) -> None:
    """Leaving the block closes it."""


@pytest.mark.parametrize("end", [_half_close, _reset, _close], ids=lambda end: end.__name__.strip("_"))
@pytest.mark.parametrize("name", DIRECT)
def test_a_call_that_is_cut_short_makes_nothing(
    name: str, end: Callable[[socket.socket], None], ports: Ports, drivers: dict[str, Driver]
) -> None:
    target = f"cut short by {end.__name__}"
    port = ports.grpc if name == "grpc" else ports.http
    with closing(socket.create_connection(("127.0.0.1", port), timeout=20)) as connection:
        connection.sendall(CALLS[name](target, token_of(name)))
        end(connection)
    # Had it been made, its name would be taken.
    assert drivers[name](create(request(target))).code == 0

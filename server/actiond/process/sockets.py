"""The two listening addresses, seen from the operating system. Who serves on them is the worker's business.

gRPC and granian both listen with SO_REUSEPORT, so that several workers can share a port. The price is that a second
server of the same user would share it too, in silence: hence a port is first bound alone.
"""

import ipaddress
import os
import socket
from dataclasses import dataclass
from pathlib import Path

from actiond.config.groups import ListenSettings
from actiond.config.setting import SettingsError
from actiond.config.setting_parsers import Address


@dataclass(frozen=True, slots=True)
class ReservedSocket:
    """An address that is ours. The socket never listens: it only keeps the port while workers come and go."""

    protocol: str
    """`grpc` or `http`."""
    address: Address
    """An IP address and the port that was really bound."""
    reservation: socket.socket

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.address.host).is_loopback


def reserve_sockets(listen: ListenSettings) -> tuple[ReservedSocket, ReservedSocket]:
    """The gRPC and the HTTP listener. Raises SettingsError, naming the setting, when an address cannot be had."""
    return _reserve("grpc", listen.grpc_address), _reserve("http", listen.http_address)


def _reserve(protocol: str, wanted: Address) -> ReservedSocket:
    flag = f"--{protocol}-address"
    try:
        # Resolved once, so that every worker and both kinds of server mean the same address.
        found = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise SettingsError(f"{flag}: {wanted.host} cannot be resolved: {reason}") from error
    refusal = OSError()
    for family, _, _, _, address in found:
        try:
            reservation = _bind_alone(family, (str(address[0]), wanted.port))
        except OSError as error:
            refusal = error
        else:
            host, port = reservation.getsockname()[:2]
            return ReservedSocket(protocol, Address(host, port), reservation)
    raise SettingsError(f"{flag}: {wanted} cannot be served: {refusal.strerror}") from refusal


def _bind_alone(family: int, address: tuple[str, int]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # SO_REUSEADDR lets a restart pass over connections in TIME_WAIT; a listening socket, ours or not, still
        # refuses the bind. Then the port is opened to our workers alone: they are of the same user and ask for
        # SO_REUSEPORT; another server's bind, which begins without it, meets this socket and fails.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        bound.close()
        raise
    return bound


def is_listening(address: Address) -> bool:
    """Whether this very process listens there; a connection would not tell, for another worker might take it."""
    return any(_listens(int(entry.name), address) for entry in Path("/proc/self/fd").iterdir())


def _listens(descriptor: int, address: Address) -> bool:
    try:
        with socket.socket(fileno=os.dup(descriptor)) as candidate:
            listens = candidate.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            return bool(listens) and candidate.getsockname()[:2] == (address.host, address.port)
    except OSError:  # no socket, or closed since
        return False

"""The listening ports, reserved before any worker listens on them.

Listeners set SO_REUSEPORT, so that several workers can share a port. The price is that a second server of the same user
would silently share it too: hence a port is first bound without it.
"""

import ipaddress
import socket
from dataclasses import dataclass
from typing import NamedTuple

from actiond.config.groups import ListenSettings
from actiond.config.setting import SettingsError
from actiond.config.setting_parsers import Address


@dataclass(frozen=True, slots=True)
class ReservedSocket:
    """An address that is ours. The socket never listens: it keeps the port while workers come and go."""

    protocol: str
    """`grpc` or `http`."""
    address: Address
    """An IP address and the port that was really bound."""
    socket: socket.socket

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.address.host).is_loopback


class Sockets(NamedTuple):
    """One per listener. A process that only delivers events has none."""

    grpc: ReservedSocket | None = None
    http: ReservedSocket | None = None

    def reserved(self) -> list[ReservedSocket]:
        """Return those that there are."""
        return [reserved for reserved in self if reserved is not None]


def reserve_sockets(listen: ListenSettings) -> Sockets:
    """Reserve the ports. Raise SettingsError, naming the setting, when an address cannot be served."""
    grpc_address = listen.grpc_address
    grpc = None if grpc_address is None else _reserve("grpc", grpc_address)
    return Sockets(grpc, _reserve("http", listen.http_address))


def _reserve(protocol: str, wanted: Address) -> ReservedSocket:
    flag = f"--{protocol}-address"
    try:
        # Resolved once, so that all workers listen on the same address.
        found = socket.getaddrinfo(wanted.host, wanted.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a host name"
        raise SettingsError(f"{flag}: {wanted.host} cannot be resolved: {reason}") from error
    refusal = OSError()
    for family, _, _, _, address in found:
        try:
            reserved = _bind_alone(family, (str(address[0]), wanted.port))
        except OSError as error:
            refusal = error
        else:
            host, port = reserved.getsockname()[:2]
            return ReservedSocket(protocol, Address(host, port), reserved)
    raise SettingsError(f"{flag}: {wanted} cannot be served: {refusal.strerror}") from refusal


def _bind_alone(family: int, address: tuple[str, int]) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # SO_REUSEADDR lets a restart ignore connections in TIME_WAIT; a listening socket, ours or not, still makes the
        # bind fail. Then the port is opened to our workers alone: they belong to the same user and set SO_REUSEPORT;
        # another server's bind, which begins without it, meets this socket and fails.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        bound.close()
        raise
    return bound

"""A server's ports, and the drivers by name."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.support.action_service.drivers import Connect as ConnectDriver
from tests.support.action_service.drivers import Driver, Grpc, GrpcWeb, Json


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports on which the service listens."""

    grpc: int
    http: int
    envoy: int = 0


Connect = Callable[[Ports, str], Driver]
"""Returns a driver with this token, on its own connection."""

DRIVERS: dict[str, tuple[str, Connect]] = {
    "grpc": ("grpc", lambda ports, token: Grpc(ports.grpc, token)),
    "grpc-web": ("grpc-web", lambda ports, token: GrpcWeb(ports.http, token)),
    "grpc-web-text": ("grpc-web", lambda ports, token: GrpcWeb(ports.http, token, text=True)),
    "json": ("json", lambda ports, token: Json(ports.http, token)),
    "connect": ("connect", lambda ports, token: ConnectDriver(ports.http, token)),
    "envoy-grpc-web": ("grpc-web", lambda ports, token: GrpcWeb(ports.envoy, token, envoy=True)),
    "envoy-grpc-web-text": ("grpc-web", lambda ports, token: GrpcWeb(ports.envoy, token, text=True, envoy=True)),
    "envoy-json": ("json", lambda ports, token: Json(ports.envoy, token, envoy=True)),
}
"""By driver name: its protocol, and how to connect it."""

DIRECT = ["grpc", "grpc-web", "grpc-web-text", "json"]
"""Those without Envoy in between, one of each form that a call has on its way."""

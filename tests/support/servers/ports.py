"""Ports for servers that cannot be asked which one they have chosen."""

import socket


def free_port() -> int:
    """A port of loopback that is free now; another process may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

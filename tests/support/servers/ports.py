"""Free ports, for servers that cannot report a port they have chosen themselves."""

import socket


def free_port() -> int:
    """Return a free port of the loopback address; another process may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

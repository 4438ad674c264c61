"""Free ports, for servers that cannot report a port they have chosen themselves."""

import random
import socket

FIRST_EPHEMERAL = 32_768
"""From here on, the kernel takes ports for outgoing connections."""


def free_port() -> int:
    """Return a free port of the loopback address; another process may still take it first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lasting_port() -> int:
    """Return a free port that no outgoing connection takes while the server on it is being restarted."""
    while True:
        port = random.randrange(20_000, FIRST_EPHEMERAL)  # noqa: S311  # no secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

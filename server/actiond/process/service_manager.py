"""Tells a service manager how this process is, by the protocol of sd_notify(3): ready, alive, stopping.

Without NOTIFY_SOCKET, which a systemd unit has with `Type=notify` or `WatchdogSec=`, nothing is sent.
"""

import os
import socket
from contextlib import suppress

READY = "READY=1"
ALIVE = "WATCHDOG=1"
STOPPING = "STOPPING=1"


def notify(state: str) -> None:
    """Send a state, without waiting. A manager that cannot be reached is none of a server's business."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    address = f"\0{path[1:]}" if path.startswith("@") else path
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
        manager.setblocking(False)
        manager.sendto(state.encode(), address)

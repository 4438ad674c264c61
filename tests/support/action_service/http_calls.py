"""CreateTarget as plain HTTP/1.1: sent at once, or in halves, so that the call runs until the test finishes it."""

import http.client
import json
import socket
from typing import Self

from tests.support.servers.actiond import ServerProcess
from tests.support.waiting import WAIT


def target(name: str) -> bytes:
    body = {"name": name, "restWebhook": {}, "timeout": "10s", "endpoint": "https://example.com/hook"}
    return json.dumps(body).encode()


def create_target(server: ServerProcess, name: str, token: str | None = None) -> int:
    """Create a target on a new connection and return the HTTP status."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=WAIT)
    headers = {"Authorization": f"Bearer {token or server.token}", "Content-Type": "application/json"}
    try:
        connection.request("POST", "/v3alpha/targets", target(name), headers)
        return connection.getresponse().status
    finally:
        connection.close()


def accepts(port: int) -> bool:
    """Return whether the server accepts a new connection."""
    try:
        socket.create_connection(("127.0.0.1", port), WAIT).close()
    except ConnectionRefusedError:
        return False
    return True


class HalfSentCall:
    """A call in progress: its head and half of its body are sent; `finish` sends the rest."""

    def __init__(self, server: ServerProcess, name: str) -> None:
        self._body = target(name)
        self._socket = socket.create_connection(("127.0.0.1", server.http_port), WAIT)
        head = (
            f"POST /v3alpha/targets HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self._body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + self._body[:10])

    def finish(self) -> bytes:
        self._socket.sendall(self._body[10:])
        return self.answer()

    def answer(self) -> bytes:
        """Return everything received until the server closes the connection."""
        answer = b""
        while data := self._socket.recv(65536):
            answer += data
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

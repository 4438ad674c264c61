"""TLS handshakes in memory, without sockets."""

import ssl
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from tests.support.targets.certificates import Authority, Pair


def client(trusted: Authority, pair: Pair | None = None) -> ssl.SSLContext:
    """Return a client's context, which presents the pair if the server asks."""
    context = trusted.trust()
    if pair is not None:
        with TemporaryDirectory() as directory:
            context.load_cert_chain(*pair.write(Path(directory), "client"))
    return context


class Handshake:
    """Two ends of a connection."""

    def __init__(
        self,
        server: ssl.SSLContext,
        client: ssl.SSLContext,
        *,
        server_name: str | None = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.server = server.wrap_bio(to_server, to_client, server_side=True)
        self.client = client.wrap_bio(to_client, to_server, server_hostname=server_name, session=session)

    def run(self) -> Self:
        """Complete the handshake, whatever end refuses it. Raise SSLError."""
        ends = [self.client, self.server]
        while ends:
            for end in tuple(ends):
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                ends.remove(end)
        assert self.carries(b"x")
        return self

    def carries(self, data: bytes) -> bool:
        """Return whether bytes arrive, in both directions."""
        self.server.write(data)
        self.client.write(data)
        return self.client.read() == data == self.server.read()

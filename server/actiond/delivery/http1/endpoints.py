"""Reads a target's endpoint: what to dial, and what the head of a request says about it."""

from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache

from actiond.delivery.egress.url import HostAddress, read_url

MAX_CACHED = 4_096
"""Endpoints that are kept once they were read. An endpoint has at most 1,000 characters."""

Origin = tuple[str, int, bool]
"""Host, port, and whether it speaks TLS."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint that can be called."""

    address: HostAddress
    is_tls: bool
    head: bytes
    """The beginning of a request's head: the request line, Host, and the credentials, if the endpoint has any."""

    @property
    def origin(self) -> Origin:
        """What a connection is for."""
        return self.address.host, self.address.port, self.is_tls


@lru_cache(MAX_CACHED)
def read_endpoint(text: str) -> Endpoint:
    """Read an endpoint. Raise EndpointError if it cannot be called, whatever addresses are allowed."""
    url = read_url(text)
    host = f"[{url.address.host}]" if ":" in url.address.host else url.address.host
    port = "" if url.address.port == _DEFAULT_PORTS[url.scheme] else f":{url.address.port}"
    lines = [f"POST {url.target} HTTP/1.1", f"Host: {host}{port}"]
    if url.credentials is not None:
        lines.append(f"Authorization: Basic {b64encode(url.credentials).decode()}")
    head = "".join(f"{line}\r\n" for line in lines).encode("ascii")
    return Endpoint(url.address, url.scheme == "https", head)

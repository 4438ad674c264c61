"""A DNS server that says something else each time it is asked, and a resolver that asks it."""

import asyncio
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from ipaddress import IPv4Address
from typing import Any

HEADER = struct.Struct("!6H")
RESPONSE, NXDOMAIN = 0x8180, 0x8183
A, IN = 1, 1
# The name is that of the question, at offset 12.
RECORD = struct.Struct("!HHHIH4s")
NAME_OF_QUESTION = 0xC00C


class DnsServer(asyncio.DatagramProtocol):
    """Answers one list of IPv4 addresses after the other for a name, the last one for good. Every TTL is 0."""

    def __init__(self, answers: Mapping[str, Sequence[Sequence[str]]]) -> None:
        self.asked: list[str] = []
        self.port = 0
        self._left = {name: list(lists) for name, lists in answers.items()}

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        name, end = read_name(data, HEADER.size)
        self.asked.append(name)
        lists = self._left.get(name, [[]])
        addresses = lists.pop(0) if len(lists) > 1 else lists[0]
        head = HEADER.pack(
            int.from_bytes(data[:2]), RESPONSE if name in self._left else NXDOMAIN, 1, len(addresses), 0, 0
        )
        records = [RECORD.pack(NAME_OF_QUESTION, A, IN, 0, 4, IPv4Address(address).packed) for address in addresses]
        self._transport.sendto(head + data[HEADER.size : end + 4] + b"".join(records), addr)


@asynccontextmanager
async def dns_server(answers: Mapping[str, Sequence[Sequence[str]]]) -> AsyncIterator[DnsServer]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: DnsServer(answers), local_addr=("127.0.0.1", 0))
    try:
        yield server
    finally:
        transport.close()


class StubResolver:
    """Asks one server for A records, as it was told."""

    def __init__(self, server: DnsServer) -> None:
        self._server = server
        self.closed = False

    async def resolve(self, host: str) -> list[str]:
        return await self.look_up(host)

    async def look_up(self, name: str) -> list[str]:
        loop = asyncio.get_running_loop()
        answer = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Question(answer), remote_addr=("127.0.0.1", self._server.port)
        )
        try:
            labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
            number = secrets.randbits(16)
            transport.sendto(HEADER.pack(number, 0x0100, 1, 0, 0, 0) + labels + struct.pack("!xHH", A, IN))
            async with asyncio.timeout(10):
                data: bytes = await answer
        finally:
            transport.close()
        _, flags, _, count, _, _ = HEADER.unpack_from(data)
        if flags == NXDOMAIN:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        start = read_name(data, HEADER.size)[1] + 4
        return [str(IPv4Address(RECORD.unpack_from(data, start + RECORD.size * index)[5])) for index in range(count)]

    def close(self) -> None:
        self.closed = True


class _Question(asyncio.DatagramProtocol):
    def __init__(self, answer: "asyncio.Future[bytes]") -> None:
        self._answer = answer

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if not self._answer.done():
            self._answer.set_result(data)


def read_name(data: bytes, start: int) -> tuple[str, int]:
    """The name that begins there, and where it ends."""
    labels = []
    while length := data[start]:
        labels.append(data[start + 1 : start + 1 + length].decode().lower())
        start += 1 + length
    return ".".join(labels), start + 1

"""Gateways of small servicers, served over every face at once."""

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from rpcfront import Gateway
from tests.rpcfront.clients import Transport
from tests.rpcfront.servicers.service import service_of
from tests.support.servers.faces import HTTP_FACES, grpc_server

Servicer = TypeVar("Servicer")


@dataclass(frozen=True)
class Served:
    """One face of a gateway of its own."""

    port: int
    servicers: dict[type, Any]

    def servicer(self, kind: type[Servicer]) -> Servicer:
        """The servicer of a class: whatever it keeps is about calls over this face alone."""
        servicer: Servicer = self.servicers[kind]
        return servicer


@dataclass(frozen=True)
class Faces:
    """All of them, by name."""

    faces: dict[str, Served]

    def behind(self, transport: Transport) -> Served:
        return self.faces[transport.face]


@asynccontextmanager
async def serve(servicers: Iterable[type], **arguments: Any) -> AsyncIterator[Faces]:
    """A server of every face. `arguments` are the gateway's."""
    async with AsyncExitStack() as stack:
        faces = {}
        for name, server in {"grpc": grpc_server, **HTTP_FACES}.items():
            made = {kind: kind() for kind in servicers}
            services = [(service_of(kind), servicer) for kind, servicer in made.items()]
            port = await stack.enter_async_context(server(Gateway(services=services, **arguments)))
            faces[name] = Served(port, made)
        yield Faces(faces)

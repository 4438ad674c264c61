"""Small servicers that tell what their context says of the call."""

from collections.abc import Iterator
from typing import Any

import grpc

from tests.rpcfront.servicers.forms import Does, Tells


class TellsThePeer(Tells):
    """Tells who calls."""

    def tell(self, context: Any) -> str:
        return str(context.peer())


class TellsTheIdentity(Tells):
    """Tells who is proven to call: nobody, over an insecure connection."""

    def tell(self, context: Any) -> str:
        return f"{context.peer_identities()} {context.peer_identity_key()} {dict(context.auth_context())}"


class TellsTheTime(Tells):
    """Tells the seconds that remain until the deadline."""

    def tell(self, context: Any) -> str:
        remaining = context.time_remaining()
        return "none" if remaining is None else f"{remaining:.1f}"


class TellsTheState(Tells):
    """Tells what a running call says of itself, by grpc's name and by grpc.aio's."""

    def tell(self, context: Any) -> str:
        return f"active: {context.is_active()}, done: {context.done()}, cancelled: {context.cancelled()}"


class ReadsBack(Tells):
    """Tells what it has set before, and then sets it back."""

    def tell(self, context: Any) -> str:
        context.set_code(grpc.StatusCode.NOT_FOUND)
        context.set_details("gone")
        context.set_trailing_metadata((("x-a", "b"), ("x-c-bin", b"\xff")))
        trailing = [(key, value) for key, value in context.trailing_metadata()]
        text = f"{context.code().name} {context.details()} {trailing}"
        context.set_code(grpc.StatusCode.OK)
        context.set_details("")
        return text


class AsksForCompression(Does):
    """Asks for what a server may grant or not."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        context.set_compression(grpc.Compression.Gzip)
        context.disable_next_message_compression()
        yield None


class WritesInAUnaryCall(Does):
    """Uses what is there for streams only."""

    def do(self, request: Any, context: Any) -> Iterator[object]:
        yield context.write(request)

"""The proof of known_failing.txt: what the suite asks, asked of a bare grpc.aio server without the gateway."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

EMPTY_MESSAGE = bytes(5)


class Refuser(grpc.GenericRpcHandler):
    """Refuses every call with UNIMPLEMENTED, and keeps which metadata grpcio told of it, before and in it."""

    def __init__(self) -> None:
        self.told: set[str] = set()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        self.told.update(key for key, _ in handler_call_details.invocation_metadata)
        return grpc.stream_unary_rpc_method_handler(self._refuse)

    async def _refuse(self, _requests: object, context: Any) -> bytes:
        self.told.update(key for key, _ in context.invocation_metadata())
        # To its end, or the core resets the stream behind the status, and curl may see nothing else.
        while await context.read() is not grpc.aio.EOF:
            """One empty message."""
        await context.abort(grpc.StatusCode.UNIMPLEMENTED)
        return b""


@asynccontextmanager
async def serving(refuser: Refuser) -> AsyncIterator[int]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((refuser,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield port
    await server.stop(0)


async def call(port: int, *headers: str) -> str:
    """The head of the answer to a call as curl makes it: no gRPC client would."""
    named = [argument for header in ("te: trailers", "x-told: this", *headers) for argument in ("--header", header)]
    program = await asyncio.create_subprocess_exec(
        *("curl", "--silent", "--max-time", "20", "--http2-prior-knowledge", "--dump-header", "-"),
        *(*named, "--data-binary", "@-", f"http://127.0.0.1:{port}/p.S/M"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await program.communicate(EMPTY_MESSAGE)
    return output.decode()


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/grpc+foo"])
async def test_no_handler_is_told_the_content_type(content_type: str) -> None:
    refuser = Refuser()
    async with serving(refuser) as port:
        answer = await call(port, f"content-type: {content_type}")
    assert "grpc-status: 12" in answer
    assert "x-told" in refuser.told
    assert "content-type" not in refuser.told


async def test_an_unknown_encoding_is_answered_internal_whatever_the_handler_says() -> None:
    async with serving(Refuser()) as port:
        answer = await call(port, "content-type: application/grpc", "grpc-encoding: foo")
    assert "grpc-status: 13" in answer

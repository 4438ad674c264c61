"""What grpcio itself does not withstand, and so is left out of the garbage. A test that fails here is good news."""

import asyncio
import logging

import grpc
import pytest

from tests.fuzz.senders import http2
from tests.fuzz.service import gateway


async def test_a_path_that_is_not_utf8_ends_the_server_which_those_who_wait_for_it_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((gateway("on the loop").grpc_handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    ended = asyncio.create_task(server.wait_for_termination())
    _, _, message = http2.call("/t.v1.T/PostAll", b"")
    data = http2.opening() + http2.head("/t.v1.T/\xbb") + message
    assert http2.ends_grpcio(data)
    with caplog.at_level(logging.CRITICAL):
        await http2.blurt(port, data)
        with pytest.raises(UnicodeDecodeError):
            await asyncio.wait_for(ended, 5)
    await server.stop(0)

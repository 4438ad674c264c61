"""Calls over HTTP/2, in every protocol that has one request."""

from tests.support.clients.http import Reply
from tests.support.clients.http2_client import Http2Connection, Stream, head
from tests.support.wire.calls import Call, Ended
from tests.support.wire.protocols import Wire


async def invoke(client: Http2Connection, call: Call, wire: Wire) -> Ended:
    """Make a call, and return how it ended."""
    request = wire.write(call)
    fields = [(name.lower(), value) for name, value in request.headers]
    stream = client.request(head("POST", request.path, *fields), end=False)
    await client.upload(stream, request.body)
    return wire.ended(call, reply(await client.response(stream)))


def reply(stream: Stream) -> Reply:
    """Return what came as a response of HTTP."""
    assert stream.reset in {None, 0}
    (fields,) = stream.blocks
    headers = [(name, value) for name, value in fields.items() if not name.startswith(":")]
    return Reply(stream.status, headers, bytes(stream.body))

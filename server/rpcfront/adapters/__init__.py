"""Adapters for servers that are brought along: RSGI, ASGI, WSGI and grpc.aio."""

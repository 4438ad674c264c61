"""Adapters for servers that the user brings: RSGI, ASGI, WSGI and grpc.aio."""

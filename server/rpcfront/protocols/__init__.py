"""One module per protocol: gRPC-Web, Connect, JSON over google.api.http routes, and what they share of HTTP."""

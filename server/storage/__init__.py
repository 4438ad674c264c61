"""The stores: each keeps the promises of `server.actions.ports`, and knows the domain and nothing of the wire."""

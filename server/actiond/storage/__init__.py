"""The stores: each keeps the promises of `actiond.actions.ports`, and knows the domain and nothing of the wire."""

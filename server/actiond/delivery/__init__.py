"""The outgoing calls: which addresses may be called, how a call is signed, and the client that makes it."""

"""The buf.validate rules of protos: protovalidate, and a fast path in front of it."""

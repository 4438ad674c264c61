"""Checks messages against the buf.validate rules in their protos: protovalidate, and a fast path in front of it."""

"""Calls targets: decides which addresses may be called, signs each call and sends it."""

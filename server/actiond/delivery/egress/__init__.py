"""Decides which addresses may be called: reads URLs, resolves names and checks every address before it is dialled."""

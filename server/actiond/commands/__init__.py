"""The commands that work on the store itself, the server running or not."""

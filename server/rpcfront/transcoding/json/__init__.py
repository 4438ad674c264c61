"""The proto3 JSON codec: compiled per message type."""

"""The proto3 JSON codec."""

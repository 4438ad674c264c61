"""Encryption keys, sealed signing keys, and files that only this user may read."""

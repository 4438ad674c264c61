"""Manages encryption keys, encrypts signing keys and writes files that only this user may read."""

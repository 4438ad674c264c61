"""Manages encryption keys, encrypts other keys, signs and encrypts payloads, and writes files for this user alone."""

"""Measures actiond beside the bare limits of what it is built on: `python -m bench`."""

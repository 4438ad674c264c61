"""Measures actiond in comparison with the bare limits of what it is built on: `python -m bench`."""

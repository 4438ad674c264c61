"""Implements the stores that `actiond.actions.ports` defines. They know the domain but no API."""

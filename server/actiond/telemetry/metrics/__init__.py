"""Prometheus metrics: each worker counts in memory that all share, and any worker renders the sum."""

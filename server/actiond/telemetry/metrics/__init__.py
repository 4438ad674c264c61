"""Prometheus metrics: each worker counts in shared memory, and any worker serves the totals of all."""

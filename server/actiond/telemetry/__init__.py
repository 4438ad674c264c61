"""Telemetry: the access log, the log of calls to targets, and metrics."""

"""Envoy's ext_proc: runs executions around the calls that an Envoy proxies to other services."""

"""Runs executions, whatever triggers them: plans, payloads, and the runner that calls the targets."""

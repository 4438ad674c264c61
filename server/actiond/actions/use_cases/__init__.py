"""The use cases of targets, executions and tokens. Each runs in one transaction."""

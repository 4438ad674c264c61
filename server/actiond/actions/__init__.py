"""The domain: targets, executions and tokens. Standard library only: values, then ports, then use cases."""

"""Match conditions: which calls an execution is for."""

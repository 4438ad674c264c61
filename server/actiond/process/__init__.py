"""Processes: binding the ports, workers, the supervisor, signals, and what is printed for the operator."""

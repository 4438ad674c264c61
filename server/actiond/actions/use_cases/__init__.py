"""What can be done with targets, executions and tokens: one transaction each."""

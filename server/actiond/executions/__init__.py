"""Running executions: plans, and the runner that calls targets one after another."""

"""The one row of the installation."""

DEFAULT_OWNER = "SELECT default_owner FROM instance"
SET_DEFAULT_OWNER = "UPDATE instance SET default_owner = ?"
NEXT_WORKER = "UPDATE instance SET next_worker = next_worker + 1 RETURNING next_worker - 1"
EXECUTIONS_REVISION = "SELECT executions_revision FROM instance"
RAISE_EXECUTIONS_REVISION = "UPDATE instance SET executions_revision = executions_revision + 1"

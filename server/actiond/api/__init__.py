"""The API: servicers, statuses of errors, authentication, executions around calls. It knows no store."""

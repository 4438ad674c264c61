"""The table: every row of every kind. A row's id is a sentence, and no two rows have the same."""

from tests.parity import (
    rows_auth,
    rows_conditions,
    rows_delete,
    rows_deliveries,
    rows_executing,
    rows_execution_lists,
    rows_executions,
    rows_fields,
    rows_form,
    rows_good,
    rows_http,
    rows_includes,
    rows_lists,
    rows_matching,
    rows_permissions,
    rows_publishing,
    rows_update,
)
from tests.parity.scenario import Scenario

SCENARIOS: list[Scenario] = [
    *rows_good.ROWS,
    *rows_auth.ROWS,
    *rows_permissions.ROWS,
    *rows_fields.ROWS,
    *rows_form.ROWS,
    *rows_http.ROWS,
    *rows_update.ROWS,
    *rows_delete.ROWS,
    *rows_lists.ROWS,
    *rows_conditions.ROWS,
    *rows_includes.ROWS,
    *rows_executions.ROWS,
    *rows_execution_lists.ROWS,
    *rows_deliveries.ROWS,
    *rows_publishing.ROWS,
    *rows_executing.ROWS,
    *rows_matching.ROWS,
]

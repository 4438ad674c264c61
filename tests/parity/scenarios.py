"""The table: every row of every kind. A row's id is a sentence, and no two rows have the same."""

from tests.parity import rows_auth, rows_fields, rows_form, rows_good, rows_http
from tests.parity.scenario import Scenario

SCENARIOS: list[Scenario] = [
    *rows_good.ROWS,
    *rows_auth.ROWS,
    *rows_fields.ROWS,
    *rows_form.ROWS,
    *rows_http.ROWS,
]

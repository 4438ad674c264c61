"""The SQL of a list of executions."""
# ruff: noqa: S608, the statements are built of constants alone

from actiond.actions.queries import ConditionsQuery, ExecutionQuery, StepQuery, TypeQuery
from actiond.storage.sqlite.rows import Row, executions, json_list
from actiond.storage.sqlite.target_queries import LARGEST, Statement


def page(owner: str, query: ExecutionQuery) -> Statement:
    """Selects the keys of a page, in order."""
    where, parameters = _where(owner, query)
    direction = "ASC" if query.page.ascending else "DESC"
    limits = (query.page.limit, min(query.page.offset, LARGEST))
    return f"SELECT key FROM executions WHERE {where} ORDER BY key {direction} LIMIT ? OFFSET ?", (*parameters, *limits)


def count(owner: str, query: ExecutionQuery) -> Statement:
    """Selects how many match."""
    where, parameters = _where(owner, query)
    return f"SELECT count(*) FROM executions WHERE {where}", parameters


def _where(owner: str, query: ExecutionQuery) -> Statement:
    conditions: list[Statement] = [("owner = ?", (owner,)), *(_condition(owner, one) for one in query.filters)]
    parameters = (parameter for _, values in conditions for parameter in values)
    return " AND ".join(sql for sql, _ in conditions), tuple(parameters)


def _condition(owner: str, one: ConditionsQuery | TypeQuery | StepQuery) -> Statement:
    parameters: Row
    match one:
        case ConditionsQuery(keys):
            return "key IN (SELECT value FROM json_each(?))", (json_list(keys),)
        case TypeQuery(execution_type):
            # A key is the type alone or goes on with "/", behind which stands "0"; and no type begins another.
            return "key >= ? AND key < ?", (execution_type.value, f"{execution_type.value}0")
        case StepQuery(None, include):
            sql, parameters = executions.KEYS_WITH_INCLUDE, (owner, include)
        case StepQuery(target_id, _):
            sql, parameters = executions.KEYS_WITH_TARGET, (owner, target_id)
    return f"key IN ({sql})", parameters

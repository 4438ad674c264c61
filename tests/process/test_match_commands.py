"""`actiond execution condition`: shows and sets which calls an execution is for."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.process.commands import CREATE, refused
from tests.process.conftest import Run

CONDITION = ("execution", "condition")
OWNER = ("--owner", "1")


@pytest.fixture
def run_on_executions(run: Run, tmp_path: Path) -> Run:
    """Runs commands on a database with one execution of each kind."""
    assert run(*CREATE, *OWNER).returncode == 0
    (path,) = tmp_path.rglob("actiond.db")
    with closing(sqlite3.connect(path)) as connection, connection:
        for key in ("request", "event", "function/enrich"):
            connection.execute(
                "INSERT INTO executions (owner, key, sequence, created_at_ns, changed_at_ns) VALUES ('1', ?, 1, 1, 1)",
                (key,),
            )
            connection.execute(
                "INSERT INTO events (owner, aggregate_type, aggregate_id, sequence, type, payload, editor,"
                " created_at_ns) VALUES ('1', 'execution', ?, 1, 'execution.set', '{}', 'x', 1)",
                (f"1/{key}",),
            )
    return run


def test_a_match_condition_is_set_shown_listed_and_removed(run_on_executions: Run) -> None:
    run = run_on_executions
    assert "has no match condition" in run(*CONDITION, "request", *OWNER).stderr
    done = run(*CONDITION, "request", "message.name == 'x'", *OWNER)
    assert (done.returncode, done.stdout) == (0, "")
    assert run(*CONDITION, "request", *OWNER).stdout == "message.name == 'x'\n"
    head, *rows = run("execution", "list", *OWNER).stdout.splitlines()
    assert head.split() == ["CONDITION", "MATCH", "CALLS"]
    assert [row.split()[:2] for row in rows] == [["event", "-"], ["function/enrich", "-"], ["request", "yes"]]
    assert "all calls" in run(*CONDITION, "request", "--remove", *OWNER).stderr
    assert "has no match condition" in run(*CONDITION, "request", *OWNER).stderr


def test_an_invalid_expression_is_shown_with_a_caret_below_its_position(run_on_executions: Run) -> None:
    done = run_on_executions(*CONDITION, "request", "true &&\n\tmessage.id == nope", *OWNER)
    assert done.returncode == 1
    line, caret, error = done.stderr.splitlines()
    assert line[caret.index("^") :] == "nope"
    assert error.startswith("actiond: error: EXPRESSION: line 2, column 16: undeclared reference to 'nope'")


def test_a_caret_is_below_its_position_in_a_long_line_too(run_on_executions: Run) -> None:
    done = run_on_executions(*CONDITION, "request", f"'{'a' * 1_000}' == nope && '{'b' * 500}' == ''", *OWNER)
    line, caret, _ = done.stderr.splitlines()
    assert line[caret.index("^") :].startswith("nope")
    assert len(line) < 120


@pytest.mark.parametrize(
    ("arguments", "word", "code"),
    [
        (("event", "true"), "only executions for requests and responses", 1),
        (("function/enrich", "true"), "only executions for requests and responses", 1),
        (("response", "true"), "there is no execution 'response'", 1),
        (("response",), "there is no execution 'response'", 1),
        (("telegram", "true"), "is not a condition", 2),
        (("request", ""), "--remove", 2),
        (("request", "true", "--remove"), "exclude each other", 2),
    ],
)
def test_what_cannot_be_done_is_said(run_on_executions: Run, arguments: tuple[str, ...], word: str, code: int) -> None:
    refused(run_on_executions(*CONDITION, *arguments, *OWNER), word, code=code)


def test_the_caret_in_the_documents_is_the_commands(run_on_executions: Run) -> None:
    wrong = "message.total > 1000 && mesage.paid"
    done = run_on_executions(*CONDITION, "request", wrong, *OWNER)
    document = (Path(__file__).parents[2] / "docs" / "executions.md").read_text()
    assert f" '{wrong}'\n{done.stderr}```" in document

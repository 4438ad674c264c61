"""The command line: what is refused and how, help, and version."""

import re
from pathlib import Path

import pytest

import actiond as package
from actiond.config.settings import TABLE
from tests.process.commands import CREATE, refused
from tests.process.conftest import Run


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "COMMAND"),
        (["nonsense"], "nonsense"),
        (["serve", "--nonsense"], "--nonsense"),
        (["serve", "--workers"], "--workers"),
        (["serve", "--worker", "2"], "--worker"),
        (["serve", "--workers", "0"], "--workers"),
        (["serve", "--grpc-address", "nowhere"], "--grpc-address"),
        (["serve", "--database", "memory:", "--workers", "2"], "--workers"),
        (["serve", "--database", "mysql://x"], "--database"),
        (["serve", "--read-timeout", "20"], "--read-timeout"),
        (["token"], "COMMAND"),
        (["token", "create", "--name", "x"], "--permission"),
        (["token", "create", "--permission", "*"], "--name"),
        (["token", "revoke"], "ID"),
        (["token", "list", "--database", "memory:"], "memory:"),
        (["token", "create", "--name", "x", "--permission", "*", "--database", "memory:"], "memory:"),
        (["token", "revoke", "1", "--database", "memory:"], "memory:"),
        (["serve", "--allow-address", "127.0.0.1/8"], "--allow-address"),
        (["execution"], "COMMAND"),
        (["execution", "delete"], "CONDITION"),
        (["execution", "list", "--database", "memory:"], "memory:"),
        (["target", "rotate-key"], "ID"),
        (["target", "rotate-key", "1", "--database", "memory:"], "memory:"),
        (["target", "resume"], "ID"),
        (["target", "resume", "1", "--database", "memory:"], "memory:"),
        (["delivery"], "COMMAND"),
        (["delivery", "show"], "ID"),
        (["delivery", "list", "--database", "memory:"], "memory:"),
    ],
    ids=" ".join,
)
def test_a_wrong_argument_is_exit_code_2_and_one_line_that_names_it(
    run: Run, tmp_path: Path, arguments: list[str], word: str
) -> None:
    refused(run(*arguments), word)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_variable_is_exit_code_2_and_one_line_that_names_it(run: Run) -> None:
    refused(run("serve", ACTIOND_WORKERS="many"), "ACTIOND_WORKERS", "many")


def test_a_wrong_admin_token_is_not_repeated(run: Run) -> None:
    done = run("serve", ACTIOND_ADMIN_TOKEN="with a space")
    refused(done, "ACTIOND_ADMIN_TOKEN")
    assert "with a" not in done.stderr


def test_the_version_is_printed(run: Run) -> None:
    done = run("--version")
    assert (done.returncode, done.stdout) == (0, f"actiond {package.__version__}\n")


def test_the_help_of_serve_names_each_variable_and_default(run: Run) -> None:
    text = " ".join(run("serve", "--help").stdout.split())
    for setting in TABLE:
        assert setting.variable in text
        if not setting.variable_only:
            assert f"[{setting.variable}; {setting.default or 'none'}]" in text


@pytest.mark.parametrize("arguments", [["--help"], ["token", "--help"], ["token", "create", "--help"]], ids=" ".join)
def test_help_is_on_stdout(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 0
    assert done.stdout.startswith("usage: actiond")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--permission", "nonsense"], "--permission"),
        (["--permission", "action.target"], "--permission"),
        (["--permission", "action.execution.bypass"], "--permission"),
        (["--permission", "authenticated"], "--permission"),
        (["--expires", "soon"], "--expires"),
        (["--expires", "2030-01-31T12:00:00"], "--expires"),
        (["--expires", "2030-01-31"], "--expires"),
        (["--expires", "2001-01-31T12:00:00Z"], "--expires"),
        (["--expires", "2999-01-31T12:00:00Z"], "--expires"),
        (["--expires", "0d"], "--expires"),
        (["--expires", "999999999w"], "--expires"),
        (["--name", ""], "--name"),
        (["--name", "x" * 201], "--name"),
        (["--name", "two\nlines"], "--name"),
        (["--owner", " "], "--owner"),
        (["--certificate", "worker.example"], "--certificate"),
        (["--certificate", "dns:*.example"], "--certificate"),
    ],
)
def test_a_token_that_cannot_be_meant_is_refused(run: Run, arguments: list[str], word: str) -> None:
    refused(run(*CREATE, "--owner", "1", *arguments), word)


def test_a_token_holds_the_permissions_of_v2_under_the_names_of_v3alpha(run: Run) -> None:
    names = ("action.target.read", "action.target.delete", "action.execution.write", "execution.target.read")
    made = run("token", "create", "--name", "stable", "--owner", "1", "--permission", *names)
    assert made.returncode == 0, made.stderr
    assert " execution.target.delete,execution.target.read,execution.write " in run("token", "list").stdout


def test_a_name_in_certificates_is_bound_to_one_token_until_that_is_revoked(run: Run) -> None:
    create = (*CREATE, "--owner", "1", "--certificate", "dns:Worker.example")
    made = run(*create)
    assert made.returncode == 0
    (token_id,) = re.findall(r"token ([0-9]+) for owner", made.stderr)
    refused(run(*create), "dns:worker.example", token_id, "(ci)", code=1)
    header, row = run("token", "list").stdout.splitlines()
    assert (header.split()[-1], row.split()[-1]) == ("CERTIFICATE", "dns:worker.example")
    assert run("token", "revoke", token_id).returncode == 0
    assert run(*create).returncode == 0


def test_an_unknown_token_cannot_be_revoked(run: Run) -> None:
    assert run(*CREATE, "--owner", "1").returncode == 0
    refused(run("token", "revoke", "12345"), "12345", code=1)


def test_a_database_that_is_not_there_is_not_made_by_looking(run: Run, tmp_path: Path) -> None:
    refused(run("token", "list"), "no such database", code=1)
    assert list(tmp_path.iterdir()) == []


def test_the_commands_find_the_database_in_the_data_directory(run: Run, tmp_path: Path) -> None:
    elsewhere = ("--data-dir", str(tmp_path / "elsewhere"))
    assert run(*CREATE, "--owner", "1", *elsewhere).returncode == 0
    assert " ci " in run("token", "list", *elsewhere).stdout
    assert "CONDITION" in run("execution", "list", "--owner", "1", *elsewhere).stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["elsewhere"]


def test_before_the_first_start_there_is_no_default_owner(run: Run) -> None:
    refused(run(*CREATE), "--owner", code=1)

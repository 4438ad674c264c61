"""That the runner of h2spec says what is not as the list has it."""

from tests.conformance.h2spec import verdict
from tests.conformance.h2spec.verdict import CASES, Case

OTHER: Case = ("http2/0", "Sends something else")


def as_expected(connection: str) -> dict[Case, bool]:
    """Return the results of a run in which the listed cases fail, and no others."""
    failed = dict.fromkeys(verdict.expected(connection), False)
    passed = {("http2/0", str(number)): True for number in range(CASES - len(failed))}
    return failed | passed


def test_nothing_is_said_of_what_is_expected() -> None:
    assert verdict.verdict("tls", as_expected("tls")) == []


def test_each_failure_over_tls_is_one_in_cleartext_too() -> None:
    assert verdict.expected("tls") < verdict.expected("cleartext")


def test_a_failure_that_is_not_listed_is_said() -> None:
    results = as_expected("tls")
    results[OTHER] = False
    assert any("not expected: http2/0: Sends something else" in line for line in verdict.verdict("tls", results))


def test_a_listed_case_that_passes_is_said() -> None:
    results = as_expected("tls")
    case = min(verdict.expected("tls"))
    results[case] = True
    (line,) = verdict.verdict("tls", results)
    assert line.endswith(f"{case[0]}: {case[1]}")


def test_a_run_that_ended_early_is_said() -> None:
    results = as_expected("tls")
    del results["http2/0", "0"]
    assert verdict.verdict("tls", results) == [f"{CASES - 1} of {CASES} cases were run"]

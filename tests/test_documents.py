"""The documents say what the code says, and their links lead somewhere."""

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest
from actiond_protos.zitadel.action.v3alpha import execution_pb2
from google.protobuf import json_format

from actiond.actions.catalogue import OWN_EVENTS, Catalogue
from actiond.actions.instance_keys import MAX_INSTANCE_KEYS
from actiond.actions.public_keys import MAX_PUBLIC_KEYS
from actiond.actions.queries import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from actiond.actions.signing_keys import MAX_KEYS
from actiond.actions.use_cases.executions import MAX_FLAT_STEPS
from actiond.api.permissions import permissions
from actiond.api.served import SERVICES
from actiond.delivery.outcomes import Outcome
from actiond.storage.sqlite.reader import MAX_SECONDS
from actiond.telemetry.metrics.recorder import MAX_TARGETS
from rpcfront.status import MAX_FIELDS
from rpcfront.transcoding.json.strict_json import MAX_DEPTH
from tests.support import settings_table

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
PYPROJECT = (ROOT / "pyproject.toml").read_text()


def read(name: str) -> str:
    return (ROOT / name).read_text()


def prose(document: Path) -> str:
    """Return the text without its blocks of code."""
    return re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def found(pattern: str, documents: list[Path] = DOCUMENTS) -> list[tuple[str, str]]:
    """Return the matches in the documents' prose, each with the document's name."""
    return sorted(
        {(str(path.relative_to(ROOT)), match) for path in documents for match in re.findall(pattern, prose(path))}
    )


@pytest.mark.parametrize(("document", "link"), found(r"\]\((?!https?://)([^)]+)\)"))
def test_a_link_between_documents_leads_to_a_heading_that_is_there(document: str, link: str) -> None:
    path, _, anchor = link.partition("#")
    target = (ROOT / document).parent / path if path else ROOT / document
    assert target.exists()
    assert not anchor or anchor in anchors(target)


def test_every_document_is_linked_from_the_readme() -> None:
    linked = {link.partition("#")[0] for _, link in found(r"\]\((?!https?://)([^)]+)\)", [ROOT / "README.md"])}
    assert {str(path.relative_to(ROOT)) for path in DOCUMENTS} - {"README.md"} <= linked


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (document, path)
        for document, path in found(r"`((?:server|tests|proto|bench|generated)/[\w./]*)`")
        if document != "CHANGELOG.md"
    ],
)
def test_a_file_that_a_document_names_is_there(document: str, path: str) -> None:
    assert (ROOT / path).exists()


def test_the_tree_of_the_architecture_is_there() -> None:
    (tree,) = re.findall(r"```\n(proto/.*?)```", read("docs/architecture.md"), re.DOTALL)
    root = ROOT
    for line in tree.splitlines():
        names = line[:25].split()
        if line.startswith(" "):
            assert all((root / name).exists() for name in names), line
        else:
            root = ROOT / names[0]
            assert root.exists(), line


@pytest.mark.parametrize(("document", "target"), found(r"`make ([\w-]+)`"))
def test_a_target_of_make_that_a_document_names_is_there(document: str, target: str) -> None:
    assert re.search(rf"^{target}:", read("Makefile"), re.MULTILINE)


def test_the_table_of_settings_is_that_of_the_code() -> None:
    _, _, rest = read("docs/settings.md").partition("<!-- settings -->\n")
    table, _, _ = rest.partition("\n<!-- /settings -->")
    assert table.splitlines() == [*settings_table.HEAD, *settings_table.rows()]


def test_every_dependency_has_its_reason_beside_it() -> None:
    project = tomllib.loads(PYPROJECT)["project"]
    extras = project["optional-dependencies"]
    for requirement in (*project["dependencies"], *extras["server"], *extras["bench"]):
        (line,) = re.findall(rf'(?:^  #.*\n)*^  "{re.escape(requirement)}",.*$', PYPROJECT, re.MULTILINE)[:1]
        assert "# " in line, requirement


def test_the_extra_that_serves_is_part_of_those_for_development() -> None:
    extras = tomllib.loads(PYPROJECT)["project"]["optional-dependencies"]
    assert all("actiond[server]" in extras[name] for name in ("dev", "bench"))


def test_the_conditions_of_the_executions_page_are_conditions() -> None:
    section = read("docs/executions.md").partition("## Conditions")[2].partition("\n## ")[0]
    conditions = re.findall(r"^\| .* \| `(\{.*\})` \|$", section, re.MULTILINE)
    assert len(conditions) == 7
    for condition in conditions:
        json_format.Parse(condition, execution_pb2.Condition())


def test_the_executions_page_names_the_events_and_groups_that_there_are() -> None:
    (line,) = re.findall(r"^- actiond's own events: (.*)$", read("docs/executions.md"), re.MULTILINE)
    events, _, groups = line.partition("groups")
    assert set(re.findall(r"`(.*?)`", events)) == OWN_EVENTS
    assert set(re.findall(r"`(.*?)`", groups)) == Catalogue().groups


def test_the_operations_page_names_the_ways_in_which_a_call_to_a_target_fails() -> None:
    section = read("docs/operations.md").partition("## Logs")[2].partition("\n## ")[0]
    assert re.findall(r"^- `(\w+)`:", section, re.MULTILINE) == [outcome.value for outcome in Outcome][1:]


def test_the_operations_page_names_the_permissions_of_no_method() -> None:
    named = set(re.findall(r"`(\w+\.[\w.]+)`", read("docs/operations.md").partition("## The data")[0]))
    assert named & set(permissions(SERVICES)) == {"docs.read", "execution.bypass", "metrics.read"}


NAMED_TEST = re.compile(r"<!-- (tests/[\w/]+\.py)::(test_\w+) -->")
ADVICE = {"What you must do", "What is not protected"}
"""The sections of the security page that claim nothing which a test could show."""


@cache
def functions(path: str) -> set[str]:
    """Return the names of the functions of a module, those of its classes too; none if there is no such module."""
    if not (ROOT / path).exists():
        return set()
    nodes = ast.walk(ast.parse(read(path)))
    return {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def claims(page: str) -> list[str]:
    """Return the bullet points and rows of tables in the sections that claim something, each with its comments."""
    sections = re.split(r"^## (.*)$", page, flags=re.MULTILINE)[1:]
    claiming = "".join(text for title, text in zip(sections[::2], sections[1::2], strict=True) if title not in ADVICE)
    points = re.findall(r"^- .*(?:\n  .*)*", claiming, re.MULTILINE)
    rows = re.findall(r"^\| .*$(?!\n\|--)", claiming, re.MULTILINE)
    return points + rows


def test_each_claim_of_the_security_page_names_a_test() -> None:
    found_claims = claims(read("docs/security.md"))
    assert len(found_claims) > 40
    assert [claim for claim in found_claims if not NAMED_TEST.search(claim)] == []


def max_items(field: str, proto: str) -> set[str]:
    text = read(f"proto/zitadel/action/v3alpha/{proto}.proto")
    return {f"{int(most):,}" for most in re.findall(rf"\b{field} = .*max_items = (\d+)", text)}


def test_the_limits_of_the_security_page_are_those_of_the_code() -> None:
    limits = read("docs/security.md").partition("## Limits")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (?!what)([^|]*) \| ([^|]*) \| ([^|]*) \|", limits, re.MULTILINE)
    numbers = {what: re.findall(r"\d[\d,]*", f"{setting} {default}") for what, setting, default in rows}
    assert numbers == {
        "calls at once of one owner, or of all strangers": [],
        "a page of a list": [f"{MAX_PAGE_SIZE:,}", str(DEFAULT_PAGE_SIZE)],
        "filters of a list": sorted(max_items("queries", "action_service")),
        "ids or conditions of a filter": sorted(max_items("target_ids", "query") | max_items("conditions", "query")),
        "the time to read a list": [f"{MAX_SECONDS:g}"],
        "faults that an error names": [str(MAX_FIELDS)],
        "nesting of JSON": [str(MAX_DEPTH)],
        "signing keys of a target that are valid at once": [str(MAX_KEYS)],
        "instance keys that are published at once": [str(MAX_INSTANCE_KEYS)],
        "targets that a page of executions calls, in v2": [f"{MAX_FLAT_STEPS:,}"],
        "public keys of a target": [str(MAX_PUBLIC_KEYS)],
        "targets with metrics of their own": [f"{MAX_TARGETS:,}"],
    }


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED_TEST.findall(read("docs/security.md")))))
def test_a_test_that_the_security_page_names_is_there(path: str, name: str) -> None:
    assert name in functions(path)


def test_the_security_page_has_no_comment_but_names_of_tests() -> None:
    assert not re.findall(r"<!--.*", NAMED_TEST.sub("", read("docs/security.md")))

"""The file of ZITADEL's names, and what the catalogue makes of it."""

import re
from importlib.resources import files

import pytest

from actiond.actions.catalogue import OWN_EVENTS
from actiond.actions.conditions import Condition, ExecutionType, Scope
from actiond.api.schema import make_catalogue
from actiond.api.served import ACTION_SERVICE
from actiond.api.zitadel_names import FILE, read_zitadel_names

TEXT = files("actiond.api").joinpath(FILE).read_text("utf-8")
NAMES = read_zitadel_names()
FORMS = {
    "methods": r"/zitadel(\.[a-z][a-z0-9_]*)+\.[A-Za-z0-9]+/[A-Z][A-Za-z0-9]*",
    "events": r"[a-z][a-z0-9_]*(\.[a-z][A-Za-z0-9_]*)+",
    "functions": r"[a-z]+",
}
CATALOGUE = make_catalogue([ACTION_SERVICE], ["price", "preuserinfo"], ["order.placed", "org.added"], NAMES)


def lines_of(section: str) -> list[str]:
    return TEXT.partition(f"\n[{section}]\n")[2].partition("\n\n")[0].splitlines()


@pytest.mark.parametrize("section", FORMS)
def test_each_section_is_sorted_without_doubles_and_read_whole(section: str) -> None:
    lines = lines_of(section)
    assert lines == sorted(set(lines))
    assert getattr(NAMES, section) == set(lines)


@pytest.mark.parametrize(("section", "form"), FORMS.items())
def test_each_name_has_the_form_of_its_kind(section: str, form: str) -> None:
    assert [name for name in lines_of(section) if not re.fullmatch(form, name)] == []


def test_the_file_says_which_release_it_is_of() -> None:
    assert re.search(r"^# .*release 4\.\d+\.\d+", TEXT, re.MULTILINE)


@pytest.mark.parametrize(
    "method",
    [
        "/zitadel.action.v2.ActionService/ActivatePublicKey",
        "/zitadel.admin.v1.AdminService/ListEventTypes",
        "/zitadel.auth.v1.AuthService/GetMyUser",
        "/zitadel.management.v1.ManagementService/ImportHumanUser",
        "/zitadel.org.v2.OrganizationService/AddOrganization",
        "/zitadel.session.v2.SessionService/CreateSession",
        "/zitadel.session.v2beta.SessionService/SetSession",
        "/zitadel.system.v1.SystemService/AddInstance",
        "/zitadel.user.v2.UserService/AddHumanUser",
        "/zitadel.user.v2.UserService/CreateUser",
    ],
)
def test_the_methods_that_clients_use_are_there(method: str) -> None:
    assert method in NAMES.methods
    assert method[1:].partition("/")[0] in NAMES.services


@pytest.mark.parametrize(
    "event",
    [
        # One for each way in which ZITADEL's source makes a name.
        "auth_request.added",
        "feature.instance.login_v2.set",
        "iam.idp.config.added",
        "instance.policy.label.added",
        "org.added",
        "org.policy.login.changed",
        "project.application.added",
        "session.webAuthN.checked",
        "system.migration.started",
        "user.deactivated",
        "user.grant.added",
        "user.human.added",
        "user.human.selfregistered",
        "user.machine.key.added",
        "user.removed",
    ],
)
def test_the_events_that_clients_use_are_there(event: str) -> None:
    assert event in NAMES.events


def test_the_functions_are_the_three_that_there_are() -> None:
    assert NAMES.functions == {"preaccesstoken", "presamlresponse", "preuserinfo"}


def test_the_catalogue_has_the_names_beside_what_it_had() -> None:
    alone = make_catalogue([ACTION_SERVICE], ["price"], ["order.placed"])
    assert CATALOGUE.methods == alone.methods | NAMES.methods
    assert CATALOGUE.services == alone.services | NAMES.services
    assert CATALOGUE.functions == alone.functions | NAMES.functions
    assert CATALOGUE.events == alone.events | NAMES.events
    assert Condition(ExecutionType.EVENT, Scope.GROUP, "user.human") in CATALOGUE
    assert Condition(ExecutionType.EVENT, Scope.GROUP, "user.human.added") not in CATALOGUE


def test_events_that_look_like_our_own_are_conditions_and_cannot_be_published() -> None:
    alike = {event for event in NAMES.events if event.startswith(("target.", "execution."))}
    assert {"target.added", "target.key.added", "execution.v2.set"} <= alike
    assert alike <= CATALOGUE.events
    assert CATALOGUE.published_events == NAMES.events - alike | {"order.placed"}
    assert not OWN_EVENTS & CATALOGUE.published_events

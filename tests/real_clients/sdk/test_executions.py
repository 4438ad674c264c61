"""Executions, from their setting to their end, and the catalogues of what they may name, with ZITADEL's SDKs."""

from collections.abc import Iterator

import pytest

from tests.real_clients.sdk.sdks import Api, JsonObject
from tests.support.targets.server import TargetServer

METHOD = "/zitadel.action.v2.ActionService/DeactivatePublicKey"
ADD_USER = "/zitadel.user.v2.UserService/AddHumanUser"
SERVICE = "zitadel.action.v3alpha.ActionService"
CONDITIONS: dict[str, tuple[str, JsonObject]] = {
    "requests of a method": ("REQUEST", {"request": {"method": METHOD}}),
    "requests of a service": ("REQUEST", {"request": {"service": SERVICE}}),
    "all requests": ("REQUEST", {"request": {"all": True}}),
    "requests of a method of ZITADEL": ("REQUEST", {"request": {"method": ADD_USER}}),
    "responses of a method": ("RESPONSE", {"response": {"method": METHOD}}),
    "responses of a service": ("RESPONSE", {"response": {"service": SERVICE}}),
    "all responses": ("RESPONSE", {"response": {"all": True}}),
    "an event": ("EVENT", {"event": {"event": "target.added"}}),
    "a group of events": ("EVENT", {"event": {"group": "target"}}),
    "an event of ZITADEL": ("EVENT", {"event": {"event": "user.human.added"}}),
    "a group of events of ZITADEL": ("EVENT", {"event": {"group": "user.human"}}),
    "all events": ("EVENT", {"event": {"all": True}}),
    "a function": ("FUNCTION", {"function": {"name": "preaccesstoken"}}),
}
TYPES = {kind for kind, _ in CONDITIONS.values()}


@pytest.fixture
def targets(api: Api, receiver: TargetServer, unique: str) -> Iterator[list[str]]:
    """The ids of two targets. Their deletion empties the executions that name them."""
    ids = []
    for name in "ab":
        target = {
            "name": f"{unique} {name}",
            "restAsync": {},
            "timeout": "10s",
            "endpoint": receiver.url("/ok"),
        }
        ids.append(api.call("CreateTarget", target)["id"])
    yield ids
    for target_id in ids:
        api.call("DeleteTarget", {"id": target_id})


def listed(api: Api, *filters: JsonObject, **request: object) -> list[JsonObject]:
    response = api.call("ListExecutions", {"filters": list(filters), **request})
    found: list[JsonObject] = response.get("executions", [])
    # zitadel-client has None where a number is left out of the response.
    assert int(response["pagination"].get("totalResult") or 0) == len(found)
    return found


def of_type(kind: str) -> JsonObject:
    return {"executionTypeFilter": {"executionType": f"EXECUTION_TYPE_{kind}"}}


@pytest.mark.parametrize("name", CONDITIONS)
def test_an_execution_is_set_replaced_and_ended(api: Api, targets: list[str], name: str) -> None:
    kind, condition = CONDITIONS[name]
    at_first = api.call("SetExecution", {"condition": condition, "targets": targets})["setDate"]
    exactly = {"inConditionsFilter": {"conditions": [condition]}}
    [execution] = listed(api, exactly)
    assert (execution["condition"], execution["targets"]) == (condition, targets)
    assert execution["changeDate"] == at_first
    assert execution in listed(api, of_type(kind))
    assert all(execution not in listed(api, of_type(other)) for other in TYPES - {kind})
    assert execution in listed(api, {"targetFilter": {"targetId": targets[1]}})

    api.call("SetExecution", {"condition": condition, "targets": targets[::-1]})
    [replaced] = listed(api, exactly)
    assert replaced["targets"] == targets[::-1]
    assert replaced["creationDate"] == execution["creationDate"]

    api.call("SetExecution", {"condition": condition, "targets": []})
    assert listed(api, exactly) == []


def test_setting_what_is_set_tells_the_date_of_the_last_change(api: Api, targets: list[str]) -> None:
    request = {"condition": {"event": {"all": True}}, "targets": targets}
    assert api.call("SetExecution", request)["setDate"] == api.call("SetExecution", request)["setDate"]


def test_a_deleted_target_is_no_longer_called(api: Api, targets: list[str]) -> None:
    api.call("SetExecution", {"condition": {"event": {"all": True}}, "targets": targets})
    api.call("DeleteTarget", {"id": targets[0]})
    [execution] = listed(api, {"targetFilter": {"targetId": targets[1]}})
    assert execution["targets"] == targets[1:]


@pytest.mark.parametrize("ascending", [True, False])
def test_executions_are_listed_in_order(api: Api, targets: list[str], ascending: bool) -> None:
    conditions = [{"event": {"event": f"target.{change}"}} for change in ("changed", "added", "removed")]
    for condition in conditions:
        api.call("SetExecution", {"condition": condition, "targets": []})  # one without targets keeps its date
        api.call("SetExecution", {"condition": condition, "targets": targets})
    by_target = {"targetFilter": {"targetId": targets[0]}}
    by_id = [conditions[number] for number in (1, 0, 2)]
    for column, expected in {"ID": by_id, "CREATED_DATE": conditions, "CHANGED_DATE": conditions}.items():
        found = listed(api, by_target, sortingColumn=f"EXECUTION_FIELD_NAME_{column}", pagination={"asc": ascending})
        assert [execution["condition"] for execution in found] == (expected if ascending else expected[::-1])


def test_the_catalogues_tell_what_conditions_may_name(api: Api) -> None:
    assert {METHOD, ADD_USER} <= set(api.call("ListExecutionMethods", {})["methods"])
    assert {SERVICE, "zitadel.user.v2.UserService"} <= set(api.call("ListExecutionServices", {})["services"])
    functions = api.call("ListExecutionFunctions", {})["functions"]
    assert set(functions) == {"preaccesstoken", "presamlresponse", "preuserinfo"}

"""Rows: what one version of the API has made is shown by the others, as truthfully as their messages allow."""

from collections.abc import Iterable, Iterator
from itertools import permutations

from actiond_protos.zitadel.action.v3alpha import query_pb2
from actiond_protos.zitadel.action.v3alpha.target_pb2 import SetRESTCall, SetRESTWebhook
from google.protobuf.duration_pb2 import Duration

from tests.parity import calls
from tests.parity.calls import id_of
from tests.parity.scenario import Differs, Scenario, exhaustive
from tests.parity.v2_calls import V2, V2BETA, VERSIONS, Version, key_of
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome
from tests.support.action_service.requests import ENDPOINT, create, get, request

_JWT, _JWE = 2, 3
_KEY_IS_LOST = {"envoy-json": Differs("Envoy's transcoder sends no trailing metadata, where v3alpha has the key")}
_TEN_THOUSAND_YEARS = Duration(seconds=315_576_000_000)


def _from_v3alpha(version: Version) -> Iterable[Scenario]:
    id = f"{version.name}: a target that v3alpha has made"
    call = SetRESTCall(interrupt_on_error=True)
    target = version.target(id, rest_call={"interrupt_on_error": True}, timeout=_TEN_THOUSAND_YEARS)
    changed = version.target(id, timeout=_TEN_THOUSAND_YEARS, rest_async={})
    yield Scenario(
        id,
        version.get(id_of(id)),
        version.found(target),
        before=(create(request(id, rest_call=call, timeout=_TEN_THOUSAND_YEARS)),),
        then=(
            (version.list_targets(version.with_ids(id_of(id))), version.targets_listed(target)),
            # Its timeout, which v2 would not accept, stays.
            (version.update(id_of(id), rest_async={}), version.updated()),
            (version.get(id_of(id)), version.found(changed)),
            (version.delete(id_of(id)), version.deleted()),
            (get(id_of(id)), expect.UNKNOWN_TARGET),
        ),
        differs=_KEY_IS_LOST,
    )
    id = f"{version.name}: a target that v3alpha has deleted"
    yield Scenario(
        id,
        version.delete(id_of(id)),
        version.deleted(),
        before=(create(request(id)), calls.delete(id_of(id))),
        then=((version.get(id_of(id)), expect.UNKNOWN_TARGET),),
    )
    id = f"{version.name}: a name that v3alpha's target has"
    yield Scenario(id, version.create(id.upper()), expect.NAME_TAKEN, before=(create(request(id)),))


def _to_v3alpha(version: Version) -> Iterable[Scenario]:
    id = f"{version.name}: a target with a long name and endpoint, shown by v3alpha"
    name = id.ljust(900, "n")
    endpoint = f"{ENDPOINT}?".ljust(version.max_endpoint, "x")
    said = request(name, endpoint=endpoint, rest_webhook=SetRESTWebhook(interrupt_on_error=True))
    shown = calls.target(said, calls.details(1), id_of(name))
    yield Scenario(
        id,
        get(id_of(name)),
        calls.found(shown),
        before=(version.create(name, endpoint=endpoint, rest_webhook={"interrupt_on_error": True}),),
        then=(
            (calls.update(id_of(name), timeout=Duration(seconds=300)), calls.updated(2)),
            (
                version.get(id_of(name)),
                version.found(
                    version.target(
                        name,
                        endpoint=endpoint,
                        rest_webhook={"interrupt_on_error": True},
                        timeout=Duration(seconds=300),
                    )
                ),
            ),
        ),
    )
    id = f"{version.name}: an update by v3alpha"
    yield Scenario(
        id,
        calls.update(id_of(id), endpoint="https://changed.example/"),
        calls.updated(2),
        before=(version.create(id),),
        then=((version.get(id_of(id)), version.found(version.target(id, endpoint="https://changed.example/"))),),
    )
    id = f"{version.name}: deleting by v3alpha"
    yield Scenario(
        id,
        calls.delete(id_of(id)),
        calls.deleted(2),
        before=(version.create(id),),
        then=((version.delete(id_of(id)), version.deleted()),),
    )


def _between(one: Version, other: Version) -> Iterable[Scenario]:
    id = f"a target that {one.name} has made, shown and changed by {other.name}"
    yield Scenario(
        id,
        other.get(id_of(id)),
        other.found(other.target(id)),
        before=(one.create(id),),
        then=(
            (other.update(id_of(id), expiration_signing_key=Duration()), other.updated(key_of(id))),
            (one.get(id_of(id)), one.found(one.target(id))),
            (other.list_targets(other.with_ids(id_of(id))), other.targets_listed(other.target(id))),
        ),
    )


def _payload_types() -> Iterator[Scenario]:
    for payload_type in (_JWT, _JWE):
        id = f"v2beta: a target that v2 sends payloads of type {payload_type}"
        yield Scenario(
            id,
            V2BETA.update(id_of(id), timeout=Duration(seconds=1)),
            V2BETA.updated(),
            before=(V2.create(id, payload_type=payload_type),),
            then=(
                (V2BETA.get(id_of(id)), V2BETA.found(V2BETA.target(id, timeout=Duration(seconds=1)))),
                (calls.update(id_of(id), timeout=Duration(seconds=2)), calls.updated(3)),
                (
                    V2.get(id_of(id)),
                    V2.found(V2.target(id, payload_type=payload_type, timeout=Duration(seconds=2))),
                ),
            ),
        )


_FIRST, _SECOND, _EVENTS = calls.on_function("first"), calls.on_function("second"), calls.on_event(all=True)
_ONE, _OTHER = id_of("one"), id_of("other")


def _executions(version: Version) -> Iterable[Scenario]:
    made = (create(request("one")), create(request("other")))
    first, second, events = map(version.like, (_FIRST, _SECOND, _EVENTS))

    def row(
        what: str, call: Call, expected: Outcome, *before: Call, then: tuple[tuple[Call, Outcome], ...]
    ) -> Scenario:
        return Scenario(f"{version.name}: {what}", call, expected, before=(*made, *before), then=then, alone=True)

    listed = version.list_executions(column=1, asc=True)
    yield row(
        "includes are shown as the targets that they call",
        listed,
        version.executions_listed(
            version.execution(events, _ONE, _OTHER, _ONE, _ONE),
            version.execution(first, _ONE, _OTHER),
            version.execution(second, _ONE, _OTHER, _ONE),
            limit=100,
        ),
        calls.set_execution(_FIRST, _ONE, _OTHER),
        calls.set_execution(_SECOND, _FIRST, _ONE),
        calls.set_execution(_EVENTS, _SECOND, _ONE),
        then=(
            # Steps that are shown so and set again are targets from then on.
            (version.set_execution(second, _ONE, _OTHER, _ONE), version.execution_set()),
            (
                calls.list_executions(query_pb2.SearchQuery(target_query={"target_id": _OTHER}), asc=True),
                calls.executions_listed(
                    calls.execution(_FIRST, _ONE, _OTHER),
                    calls.execution(_SECOND, _ONE, _OTHER, _ONE, sequence=2),
                ),
            ),
        ),
    )
    yield row(
        "an execution that is ended is gone in v3alpha, and from those that include it",
        version.set_execution(first),
        version.execution_set(),
        version.set_execution(first, _ONE),
        calls.set_execution(_SECOND, _FIRST, _OTHER),
        then=(
            (calls.list_executions(), calls.executions_listed(calls.execution(_SECOND, _OTHER, sequence=2))),
            (calls.delete_execution(_FIRST), expect.EXECUTION_UNKNOWN),
            (version.list_executions(), version.executions_listed(version.execution(second, _OTHER))),
        ),
    )
    yield row(
        "an execution that loses its last target is gone in v3alpha, with those that are nothing without it",
        version.delete(_ONE),
        version.deleted(),
        version.set_execution(first, _ONE),
        calls.set_execution(_SECOND, _FIRST),
        calls.set_execution(_EVENTS, _SECOND, _OTHER),
        then=((calls.list_executions(), calls.executions_listed(calls.execution(_EVENTS, _OTHER, sequence=2))),),
    )
    yield row(
        "an execution that loses its last target in v3alpha stays there, and is not listed",
        calls.delete(_ONE),
        calls.deleted(2),
        version.set_execution(first, _ONE),
        then=(
            (calls.list_executions(), calls.executions_listed(calls.execution(_FIRST, sequence=2))),
            (version.list_executions(), version.executions_listed()),
        ),
    )
    yield row(
        "an execution is shown by v3alpha",
        version.set_execution(first, _OTHER, _ONE),
        version.execution_set(),
        then=((calls.list_executions(), calls.executions_listed(calls.execution(_FIRST, _OTHER, _ONE))),),
    )
    yield row(
        "an execution that v3alpha has set without targets is not listed",
        listed,
        version.executions_listed(limit=100),
        calls.set_execution(_FIRST),
        then=((calls.list_executions(), calls.executions_listed(calls.execution(_FIRST))),),
    )


ROWS = [
    row
    for version in VERSIONS
    for rows in (_from_v3alpha, _to_v3alpha, _executions)
    for row in exhaustive(rows(version))
]
ROWS += [row for one, other in permutations(VERSIONS) for row in exhaustive(_between(one, other))]
ROWS += exhaustive(_payload_types())

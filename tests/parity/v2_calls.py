"""The words in which rows speak of zitadel.action.v2 and v2beta: their calls, their errors, and what they show.

Rows are written once, for a `Version`, whose messages have the same fields in both.
"""

from dataclasses import dataclass
from typing import Any

from actiond_protos.zitadel.action.v2 import action_service_pb2 as v2_service
from actiond_protos.zitadel.action.v2 import execution_pb2 as v2_execution
from actiond_protos.zitadel.action.v2 import query_pb2 as v2_query
from actiond_protos.zitadel.action.v2 import target_pb2 as v2_target
from actiond_protos.zitadel.action.v2beta import action_service_pb2 as v2beta_service
from actiond_protos.zitadel.action.v2beta import execution_pb2 as v2beta_execution
from actiond_protos.zitadel.action.v2beta import query_pb2 as v2beta_query
from actiond_protos.zitadel.action.v2beta import target_pb2 as v2beta_target
from actiond_protos.zitadel.filter.v2 import filter_pb2 as v2_filter
from actiond_protos.zitadel.filter.v2beta import filter_pb2 as v2beta_filter
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tests.parity.calls import answer, id_of
from tests.support.action_service import expect
from tests.support.action_service.model import Call, Outcome
from tests.support.action_service.requests import ENDPOINT

JUST_NOW = Timestamp(nanos=1)
"""Stands for a time within this run. Where a date may be absent, rows say so by leaving it out."""
MAX_PAGE_SIZE = 1000


READER = "-reader"
"""At the end of a driver's token, that of its owner that may read targets, and nothing else."""


def key_of(name: str) -> str:
    """Stands for the signing key of the target that the row has made under this name, the newest that it was given."""
    return f"<key of {name}>"


def public_key_id(number: int) -> str:
    """Stands for the id of a public key that the row has added, the first of them being 1."""
    return f"<public key {number}>"


@dataclass(frozen=True, slots=True)
class Version:
    """One of the two, with its modules."""

    name: str
    pb: Any
    execution_pb2: Any
    query_pb2: Any
    target_pb2: Any
    filter_pb2: Any
    max_endpoint: int
    """Maximum length of an endpoint."""

    @property
    def service(self) -> str:
        return f"zitadel.action.{self.name}.ActionService"

    def call(self, request: Message, *, by: str | None = None, **form: Any) -> Call:
        """Return the call that has such a request, by the driver's own token or by another one."""
        method = type(request).__name__.removesuffix("Request")
        if by is not None:
            form["authorization"] = f"Bearer {by}"
        return Call(method, request, service=self.service, **form)

    # Requests.

    def target_request(self, name: str, **fields: Any) -> Any:
        """Return a valid CreateTargetRequest; `fields` replace its fields or, as None, remove them."""
        given: dict[str, Any] = {"name": name, "timeout": Duration(seconds=10), "endpoint": ENDPOINT} | fields
        if not given.keys() & {"rest_webhook", "rest_call", "rest_async"}:
            given["rest_webhook"] = {}
        return self.pb.CreateTargetRequest(**{key: value for key, value in given.items() if value is not None})

    def create(self, name: str, **fields: Any) -> Call:
        return self.call(self.target_request(name, **fields))

    def update(self, target_id: str, /, *, json: str | None = None, by: str | None = None, **fields: Any) -> Call:
        return self.call(self.pb.UpdateTargetRequest(id=target_id, **fields), json=json, by=by)

    def delete(self, target_id: str, **form: Any) -> Call:
        return self.call(self.pb.DeleteTargetRequest(id=target_id), **form)

    def get(self, target_id: str, **form: Any) -> Call:
        return self.call(self.pb.GetTargetRequest(id=target_id), **form)

    def list_targets(self, *filters: Any, column: int | None = None, by: str | None = None, **page: Any) -> Call:
        """`page` are the fields of a pagination."""
        return self.call(
            self.pb.ListTargetsRequest(pagination=self._page(page), sorting_column=column, filters=filters), by=by
        )

    def set_execution(self, condition: Any, *targets: str, by: str | None = None) -> Call:
        return self.call(self.pb.SetExecutionRequest(condition=condition, targets=targets), by=by)

    def list_executions(self, *filters: Any, column: int | None = None, by: str | None = None, **page: Any) -> Call:
        """`page` are the fields of a pagination."""
        return self.call(
            self.pb.ListExecutionsRequest(pagination=self._page(page), sorting_column=column, filters=filters), by=by
        )

    def _page(self, fields: dict[str, Any]) -> Any:
        return self.filter_pb2.PaginationRequest(**fields) if fields else None

    # Conditions.

    def condition(self, **of: Any) -> Any:
        return self.execution_pb2.Condition(**of)

    def on_request(self, **scope: Any) -> Any:
        return self.condition(request=scope)

    def on_response(self, **scope: Any) -> Any:
        return self.condition(response=scope)

    def on_function(self, name: str) -> Any:
        return self.condition(function={"name": name})

    def on_event(self, **scope: Any) -> Any:
        return self.condition(event=scope)

    def like(self, condition: Message) -> Any:
        """Return the condition of another version as one of this."""
        return self.execution_pb2.Condition.FromString(condition.SerializeToString())

    # Filters.

    def named(self, text: str, method: int) -> Any:
        return self.query_pb2.TargetSearchFilter(target_name_filter={"target_name": text, "method": method})

    def with_ids(self, *ids: str) -> Any:
        return self.query_pb2.TargetSearchFilter(in_target_ids_filter={"target_ids": ids})

    def with_conditions(self, *conditions: Any) -> Any:
        return self.query_pb2.ExecutionSearchFilter(in_conditions_filter={"conditions": conditions})

    def of_type(self, execution_type: int) -> Any:
        return self.query_pb2.ExecutionSearchFilter(execution_type_filter={"execution_type": execution_type})

    def calling(self, target_id: str) -> Any:
        return self.query_pb2.ExecutionSearchFilter(target_filter={"target_id": target_id})

    # Outcomes.

    def created(self, name: str) -> Outcome:
        return answer(self.pb.CreateTargetResponse(id=id_of(name), creation_date=JUST_NOW, signing_key=key_of(name)))

    def updated(self, key: str | None = None) -> Outcome:
        return answer(self.pb.UpdateTargetResponse(change_date=JUST_NOW, signing_key=key))

    def deleted(self) -> Outcome:
        return answer(self.pb.DeleteTargetResponse(deletion_date=JUST_NOW))

    def never_there(self) -> Outcome:
        """Return the outcome of deleting what the owner never had."""
        return answer(self.pb.DeleteTargetResponse())

    def target(self, name: str, /, **fields: Any) -> Any:
        """Return the target that the row has made under this name, as a caller sees it that may change it.

        `fields` are those of its CreateTargetRequest, or of the update that made it so, and of Target itself.
        """
        given: dict[str, Any] = {
            "id": id_of(name),
            "creation_date": JUST_NOW,
            "change_date": JUST_NOW,
            "name": name,
            "timeout": Duration(seconds=10),
            "endpoint": ENDPOINT,
            "signing_key": key_of(name),
        }
        if self.has_payload_types:
            given["payload_type"] = v2_target.PAYLOAD_TYPE_JSON
        given |= fields
        if not given.keys() & {"rest_webhook", "rest_call", "rest_async"}:
            given["rest_webhook"] = {}
        return self.target_pb2.Target(**given)

    @property
    def has_payload_types(self) -> bool:
        return hasattr(self.target_pb2, "PayloadType")

    def found(self, target: Any) -> Outcome:
        return answer(self.pb.GetTargetResponse(target=target))

    def targets_listed(self, *targets: Any, total: int | None = None, limit: int = MAX_PAGE_SIZE) -> Outcome:
        """`total` unless the page holds all that match; `limit` is the one that held."""
        page = {"total_result": len(targets) if total is None else total, "applied_limit": limit}
        return answer(self.pb.ListTargetsResponse(pagination=page, targets=targets))

    def execution(self, condition: Any, *targets: str) -> Any:
        """Return an execution that was made in this run, as it is listed."""
        return self.execution_pb2.Execution(
            condition=condition, creation_date=JUST_NOW, change_date=JUST_NOW, targets=targets
        )

    def executions_listed(self, *executions: Any, total: int | None = None, limit: int = MAX_PAGE_SIZE) -> Outcome:
        page = {"total_result": len(executions) if total is None else total, "applied_limit": limit}
        return answer(self.pb.ListExecutionsResponse(pagination=page, executions=executions))

    def execution_set(self) -> Outcome:
        return answer(self.pb.SetExecutionResponse(set_date=JUST_NOW))


V2 = Version("v2", v2_service, v2_execution, v2_query, v2_target, v2_filter, max_endpoint=2048)
V2BETA = Version(
    "v2beta", v2beta_service, v2beta_execution, v2beta_query, v2beta_target, v2beta_filter, max_endpoint=1000
)
VERSIONS = (V2, V2BETA)


def _invalid(id: str, text: str, reason: str, field: str, rule: str) -> Outcome:
    return expect.business(expect.INVALID_ARGUMENT, id, text, reason, field=(field, rule))


def timeout_missing(id: str) -> Outcome:
    return _invalid(id, "Target has no timeout", "TIMEOUT_MISSING", "timeout", "must be more than 0s")


def endpoint_invalid(id: str, why: str) -> Outcome:
    return _invalid(id, "Target has an invalid URL", "ENDPOINT_INVALID", "endpoint", why)


def endpoint_denied(why: str) -> Outcome:
    return _invalid("COMMAND-NcJUKo", "Errors.Target.DeniedURL", "ENDPOINT_NOT_ALLOWED", "endpoint", why)


NO_TIMEOUT = timeout_missing("COMMAND-39f35d8uri")
NO_TIMEOUT_ON_UPDATE = timeout_missing("COMMAND-08b39vdi57")
LIMIT_TOO_HIGH = _invalid(
    "QUERY-4M0fs", "Errors.Query.LimitExceeded", "LIMIT_TOO_HIGH", "pagination.limit", "must be at most 1000"
)
NO_CONDITION = _invalid(
    "ACTION-5r5Ju",
    "Execution condition is invalid",
    "CONDITION_MISSING",
    "condition",
    "must be a request, a response, a function or an event",
)
TOO_MANY_TARGETS = expect.business(
    expect.FAILED_PRECONDITION,
    "ACTIOND-steps",
    "Too many targets",
    "TOO_MANY_TARGETS",
    field=("targets", "an execution has at most 1000 targets, those that others get by including it counted"),
)

"""The names, numbers and types of the API, by its tables: clients of the original have them in their code."""

import http.client
import json
from contextlib import closing

import pytest
from actiond_protos.actiond.v1 import delivery_service_pb2, execution_service_pb2
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor

from tests.parity import shelf
from tests.support.action_service.connections import Ports
from tests.support.action_service.model import RESPONSES

# By package; repeated fields have [].
MESSAGES: dict[str, dict[str, str]] = {
    "zitadel.action.v3alpha": {
        "CreateTargetRequest": (
            "1 name string, 2 rest_webhook SetRESTWebhook, 3 rest_call SetRESTCall, 4 rest_async SetRESTAsync, "
            "5 timeout Duration, 6 endpoint string"
        ),
        "CreateTargetResponse": "1 id string, 2 details Details",
        "SetRESTWebhook": "1 interrupt_on_error bool",
        "SetRESTCall": "1 interrupt_on_error bool",
        "SetRESTAsync": "",
        "UpdateTargetRequest": (
            "1 target_id string, 2 name string, 3 rest_webhook SetRESTWebhook, 4 rest_call SetRESTCall, "
            "5 rest_async SetRESTAsync, 6 timeout Duration, 7 endpoint string"
        ),
        "UpdateTargetResponse": "1 details Details",
        "DeleteTargetRequest": "1 target_id string",
        "DeleteTargetResponse": "1 details Details",
        "GetTargetByIDRequest": "1 target_id string",
        "GetTargetByIDResponse": "1 target Target",
        "Target": (
            "1 target_id string, 2 details Details, 3 name string, 4 rest_webhook SetRESTWebhook, "
            "5 rest_call SetRESTCall, 6 rest_async SetRESTAsync, 7 timeout Duration, 8 endpoint string"
        ),
        "ListTargetsRequest": "1 query ListQuery, 2 sorting_column TargetFieldName, 3 queries TargetSearchQuery[]",
        "ListTargetsResponse": "1 details ListDetails, 2 sorting_column TargetFieldName, 3 result Target[]",
        "SetExecutionRequest": "1 condition Condition, 2 targets ExecutionTargetType[]",
        "SetExecutionResponse": "2 details Details",
        "DeleteExecutionRequest": "1 condition Condition",
        "DeleteExecutionResponse": "1 details Details",
        "ListExecutionsRequest": "1 query ListQuery, 2 queries SearchQuery[]",
        "ListExecutionsResponse": "1 details ListDetails, 2 result Execution[]",
        "ListExecutionFunctionsRequest": "",
        "ListExecutionFunctionsResponse": "1 functions string[]",
        "ListExecutionMethodsRequest": "",
        "ListExecutionMethodsResponse": "1 methods string[]",
        "ListExecutionServicesRequest": "",
        "ListExecutionServicesResponse": "1 services string[]",
        "Execution": "1 Condition Condition, 2 details Details, 3 targets ExecutionTargetType[]",
        "ExecutionTargetType": "1 target string, 2 include Condition",
        "Condition": (
            "1 request RequestExecution, 2 response ResponseExecution, 3 function FunctionExecution, "
            "4 event EventExecution"
        ),
        "RequestExecution": "1 method string, 2 service string, 3 all bool",
        "ResponseExecution": "1 method string, 2 service string, 3 all bool",
        "FunctionExecution": "1 name string",
        "EventExecution": "1 event string, 2 group string, 3 all bool",
        "SearchQuery": (
            "1 in_conditions_query InConditionsQuery, 2 execution_type_query ExecutionTypeQuery, "
            "3 target_query TargetQuery, 4 include_query IncludeQuery"
        ),
        "InConditionsQuery": "1 conditions Condition[]",
        "ExecutionTypeQuery": "1 execution_type ExecutionType",
        "TargetQuery": "1 target_id string",
        "IncludeQuery": "1 include Condition",
        "TargetSearchQuery": "1 target_name_query TargetNameQuery, 2 in_target_ids_query InTargetIDsQuery",
        "TargetNameQuery": "1 target_name string, 2 method TextQueryMethod",
        "InTargetIDsQuery": "1 target_ids string[]",
    },
    "zitadel.object.v2": {
        "Details": "1 sequence uint64, 2 change_date Timestamp, 3 resource_owner string",
        "ListQuery": "1 offset uint64, 2 limit uint32, 3 asc bool",
        "ListDetails": "1 total_result uint64, 2 processed_sequence uint64, 3 timestamp Timestamp",
    },
    "zitadel.v1": {"ErrorDetail": "1 id string, 2 message string"},
}

ENUMS: dict[str, str] = {
    "zitadel.action.v3alpha.ExecutionType": (
        "EXECUTION_TYPE_UNSPECIFIED EXECUTION_TYPE_REQUEST EXECUTION_TYPE_RESPONSE EXECUTION_TYPE_EVENT "
        "EXECUTION_TYPE_FUNCTION"
    ),
    "zitadel.action.v3alpha.TargetFieldName": (
        "FIELD_NAME_UNSPECIFIED FIELD_NAME_ID FIELD_NAME_CREATION_DATE FIELD_NAME_CHANGE_DATE FIELD_NAME_NAME "
        "FIELD_NAME_TARGET_TYPE FIELD_NAME_URL FIELD_NAME_TIMEOUT FIELD_NAME_ASYNC FIELD_NAME_INTERRUPT_ON_ERROR"
    ),
    "zitadel.object.v2.TextQueryMethod": (
        "TEXT_QUERY_METHOD_EQUALS TEXT_QUERY_METHOD_EQUALS_IGNORE_CASE TEXT_QUERY_METHOD_STARTS_WITH "
        "TEXT_QUERY_METHOD_STARTS_WITH_IGNORE_CASE TEXT_QUERY_METHOD_CONTAINS TEXT_QUERY_METHOD_CONTAINS_IGNORE_CASE "
        "TEXT_QUERY_METHOD_ENDS_WITH TEXT_QUERY_METHOD_ENDS_WITH_IGNORE_CASE"
    ),
}

_SCALARS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_UINT32: "uint32",
    FieldDescriptor.TYPE_UINT64: "uint64",
}


def _said(field: FieldDescriptor) -> str:
    of = field.message_type or field.enum_type
    kind = of.name if of is not None else _SCALARS[field.type]
    return f"{field.number} {field.name} {kind}{'[]' if field.is_repeated else ''}"


@pytest.mark.parametrize(
    ("name", "fields"),
    [(f"{package}.{name}", fields) for package, messages in MESSAGES.items() for name, fields in messages.items()],
)
def test_a_message_has_the_fields_of_the_tables(name: str, fields: str) -> None:
    descriptor = descriptor_pool.Default().FindMessageTypeByName(name)
    assert ", ".join(map(_said, descriptor.fields)) == fields


@pytest.mark.parametrize("name", ENUMS)
def test_an_enum_has_the_values_of_the_tables_counted_from_zero(name: str) -> None:
    values = descriptor_pool.Default().FindEnumTypeByName(name).values
    assert " ".join(value.name for value in values) == ENUMS[name]
    assert [value.number for value in values] == list(range(len(values)))


def test_the_services_have_their_methods_with_messages_of_their_names() -> None:
    actions = action_service_pb2.DESCRIPTOR.services_by_name["ActionService"].methods
    deliveries = delivery_service_pb2.DESCRIPTOR.services_by_name["DeliveryService"].methods
    executions = execution_service_pb2.DESCRIPTOR.services_by_name["ExecutionService"].methods
    # Drivers call methods with one response.
    driven = {method.name for method in (*actions, *deliveries, *executions) if not method.server_streaming}
    assert driven == RESPONSES.keys()
    assert (len(actions), len(deliveries), len(executions)) == (11, 14, 7)
    for method in (*actions, *deliveries, *executions):
        assert (method.input_type.name, method.output_type.name) == (f"{method.name}Request", f"{method.name}Response")


def test_in_json_the_condition_of_a_listed_execution_has_its_capital_letter(ports: Ports) -> None:
    headers = {"authorization": f"Bearer {shelf.TOKEN}"}
    with closing(http.client.HTTPConnection("127.0.0.1", ports.http, timeout=20)) as connection:
        connection.request("POST", "/v3alpha/executions/search", '{"query": {"limit": 1, "asc": true}}', headers)
        content = json.loads(connection.getresponse().read())
    (listed,) = content["result"]
    assert listed == {
        "Condition": {"event": {"all": True}},
        "details": {"sequence": "2", "changeDate": "2024-06-01T00:00:00Z", "resourceOwner": shelf.OWNER},
        "targets": [{"target": shelf.A.id}, {"include": {"function": {"name": "first"}}}],
    }

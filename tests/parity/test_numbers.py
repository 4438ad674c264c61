"""The names, numbers and types of the API, by its tables: clients of the original have them in their code."""

import http.client
import json
from contextlib import closing

import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor

from tests.parity import shelf
from tests.support.action_service.connections import Ports
from tests.support.action_service.drivers import ROUTES
from tests.support.action_service.model import (
    DELIVERIES,
    EXECUTIONS,
    RESPONSES,
    SERVICE,
    SERVICE_V2,
    SERVICE_V2BETA,
)

METHOD_COUNTS = {SERVICE: 11, SERVICE_V2: 15, SERVICE_V2BETA: 10, DELIVERIES: 14, EXECUTIONS: 7}

_CONDITIONS = {
    "Condition": (
        "1 request RequestExecution, 2 response ResponseExecution, 3 function FunctionExecution, 4 event EventExecution"
    ),
    "RequestExecution": "1 method string, 2 service string, 3 all bool",
    "ResponseExecution": "1 method string, 2 service string, 3 all bool",
    "FunctionExecution": "1 name string",
    "EventExecution": "1 event string, 2 group string, 3 all bool",
}
_CATALOGUES = {
    "ListExecutionFunctionsRequest": "",
    "ListExecutionFunctionsResponse": "1 functions string[]",
    "ListExecutionMethodsRequest": "",
    "ListExecutionMethodsResponse": "1 methods string[]",
    "ListExecutionServicesRequest": "",
    "ListExecutionServicesResponse": "1 services string[]",
}


def _stable(more: str = "", more_of_update: str = "", more_of_target: str = "") -> dict[str, str]:
    """Return the messages of v2beta, or, with what v2 has more, those of v2 that v2beta has, too."""
    return {
        "CreateTargetRequest": (
            "1 name string, 2 rest_webhook RESTWebhook, 3 rest_call RESTCall, 4 rest_async RESTAsync, "
            f"5 timeout Duration, 6 endpoint string{more}"
        ),
        "CreateTargetResponse": "1 id string, 2 creation_date Timestamp, 3 signing_key string",
        "UpdateTargetRequest": (
            "1 id string, 2 name string, 3 rest_webhook RESTWebhook, 4 rest_call RESTCall, 5 rest_async RESTAsync, "
            f"6 timeout Duration, 7 endpoint string, 8 expiration_signing_key Duration{more_of_update}"
        ),
        "UpdateTargetResponse": "1 change_date Timestamp, 2 signing_key string",
        "DeleteTargetRequest": "1 id string",
        "DeleteTargetResponse": "3 deletion_date Timestamp",
        "GetTargetRequest": "1 id string",
        "GetTargetResponse": "1 target Target",
        "Target": (
            "1 id string, 2 creation_date Timestamp, 3 change_date Timestamp, 4 name string, "
            "5 rest_webhook RESTWebhook, 6 rest_call RESTCall, 7 rest_async RESTAsync, 8 timeout Duration, "
            f"9 endpoint string, 10 signing_key string{more_of_target}"
        ),
        "RESTWebhook": "1 interrupt_on_error bool",
        "RESTCall": "1 interrupt_on_error bool",
        "RESTAsync": "",
        "ListTargetsRequest": (
            "1 pagination PaginationRequest, 2 sorting_column TargetFieldName, 3 filters TargetSearchFilter[]"
        ),
        "ListTargetsResponse": "1 pagination PaginationResponse, 2 targets Target[]",
        "TargetSearchFilter": "1 target_name_filter TargetNameFilter, 2 in_target_ids_filter InTargetIDsFilter",
        "TargetNameFilter": "1 target_name string, 2 method TextFilterMethod",
        "InTargetIDsFilter": "1 target_ids string[]",
        "SetExecutionRequest": "1 condition Condition, 2 targets string[]",
        "SetExecutionResponse": "1 set_date Timestamp",
        "Execution": "1 condition Condition, 2 creation_date Timestamp, 3 change_date Timestamp, 4 targets string[]",
        "ListExecutionsRequest": (
            "1 pagination PaginationRequest, 2 sorting_column ExecutionFieldName, 3 filters ExecutionSearchFilter[]"
        ),
        "ListExecutionsResponse": "1 pagination PaginationResponse, 2 executions Execution[]",
        "ExecutionSearchFilter": (
            "1 in_conditions_filter InConditionsFilter, 2 execution_type_filter ExecutionTypeFilter, "
            "3 target_filter TargetFilter"
        ),
        "InConditionsFilter": "1 conditions Condition[]",
        "ExecutionTypeFilter": "1 execution_type ExecutionType",
        "TargetFilter": "1 target_id string",
        **_CONDITIONS,
        **_CATALOGUES,
    }


_FILTERS = {
    "PaginationRequest": "1 offset uint64, 2 limit uint32, 3 asc bool",
    "PaginationResponse": "1 total_result uint64, 2 applied_limit uint64",
    "InIDsFilter": "1 ids string[]",
    "TimestampFilter": "1 timestamp Timestamp, 2 method TimestampFilterMethod",
}

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
        "Execution": "1 Condition Condition, 2 details Details, 3 targets ExecutionTargetType[]",
        "ExecutionTargetType": "1 target string, 2 include Condition",
        **_CONDITIONS,
        **_CATALOGUES,
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
    "zitadel.action.v2": _stable(
        ", 7 payload_type PayloadType", ", 9 payload_type PayloadType", ", 11 payload_type PayloadType"
    )
    | {
        "AddPublicKeyRequest": "1 target_id string, 2 public_key bytes, 3 expiration_date Timestamp",
        "AddPublicKeyResponse": "1 key_id string, 2 creation_date Timestamp",
        "ActivatePublicKeyRequest": "1 target_id string, 2 key_id string",
        "ActivatePublicKeyResponse": "1 change_date Timestamp",
        "DeactivatePublicKeyRequest": "1 target_id string, 2 key_id string",
        "DeactivatePublicKeyResponse": "1 change_date Timestamp",
        "RemovePublicKeyRequest": "1 target_id string, 2 key_id string",
        "RemovePublicKeyResponse": "1 deletion_date Timestamp",
        "ListPublicKeysRequest": (
            "1 target_id string, 2 pagination PaginationRequest, 3 sorting_column PublicKeyFieldName, "
            "4 filters PublicKeySearchFilter[]"
        ),
        "ListPublicKeysResponse": "1 pagination PaginationResponse, 2 public_keys PublicKey[]",
        "PublicKey": (
            "1 key_id string, 2 active bool, 3 public_key bytes, 4 fingerprint string, 5 expiration_date Timestamp, "
            "6 creation_date Timestamp, 7 change_date Timestamp"
        ),
        "PublicKeySearchFilter": (
            "1 key_ids_filter InIDsFilter, 2 active_filter bool, 3 expiration_date_filter TimestampFilter"
        ),
    },
    "zitadel.action.v2beta": _stable(),
    "zitadel.filter.v2": _FILTERS,
    "zitadel.filter.v2beta": _FILTERS,
    "zitadel.object.v2": {
        "Details": "1 sequence uint64, 2 change_date Timestamp, 3 resource_owner string",
        "ListQuery": "1 offset uint64, 2 limit uint32, 3 asc bool",
        "ListDetails": "1 total_result uint64, 2 processed_sequence uint64, 3 timestamp Timestamp",
    },
    "zitadel.v1": {"ErrorDetail": "1 id string, 2 message string"},
}

_TEXT_METHODS = (
    "TEXT_FILTER_METHOD_EQUALS TEXT_FILTER_METHOD_EQUALS_IGNORE_CASE TEXT_FILTER_METHOD_STARTS_WITH "
    "TEXT_FILTER_METHOD_STARTS_WITH_IGNORE_CASE TEXT_FILTER_METHOD_CONTAINS TEXT_FILTER_METHOD_CONTAINS_IGNORE_CASE "
    "TEXT_FILTER_METHOD_ENDS_WITH TEXT_FILTER_METHOD_ENDS_WITH_IGNORE_CASE"
)

ENUMS: dict[str, str] = {
    **{
        f"zitadel.action.{version}.{name}": values
        for version in ("v2", "v2beta")
        for name, values in {
            "TargetFieldName": (
                "TARGET_FIELD_NAME_UNSPECIFIED TARGET_FIELD_NAME_ID TARGET_FIELD_NAME_CREATED_DATE "
                "TARGET_FIELD_NAME_CHANGED_DATE TARGET_FIELD_NAME_NAME TARGET_FIELD_NAME_TARGET_TYPE "
                "TARGET_FIELD_NAME_URL TARGET_FIELD_NAME_TIMEOUT TARGET_FIELD_NAME_INTERRUPT_ON_ERROR"
            ),
            "ExecutionFieldName": (
                "EXECUTION_FIELD_NAME_UNSPECIFIED EXECUTION_FIELD_NAME_ID EXECUTION_FIELD_NAME_CREATED_DATE "
                "EXECUTION_FIELD_NAME_CHANGED_DATE"
            ),
            "ExecutionType": (
                "EXECUTION_TYPE_UNSPECIFIED EXECUTION_TYPE_REQUEST EXECUTION_TYPE_RESPONSE EXECUTION_TYPE_EVENT "
                "EXECUTION_TYPE_FUNCTION"
            ),
        }.items()
    },
    "zitadel.action.v2.PayloadType": "PAYLOAD_TYPE_UNSPECIFIED PAYLOAD_TYPE_JSON PAYLOAD_TYPE_JWT PAYLOAD_TYPE_JWE",
    "zitadel.action.v2.PublicKeyFieldName": (
        "PUBLIC_KEY_FIELD_NAME_UNSPECIFIED PUBLIC_KEY_FIELD_NAME_CREATION_DATE PUBLIC_KEY_FIELD_NAME_CHANGE_DATE "
        "PUBLIC_KEY_FIELD_NAME_EXPIRATION_DATE"
    ),
    "zitadel.filter.v2.TextFilterMethod": _TEXT_METHODS,
    "zitadel.filter.v2beta.TextFilterMethod": _TEXT_METHODS,
    "zitadel.filter.v2.TimestampFilterMethod": (
        "TIMESTAMP_FILTER_METHOD_EQUALS TIMESTAMP_FILTER_METHOD_AFTER TIMESTAMP_FILTER_METHOD_AFTER_OR_EQUALS "
        "TIMESTAMP_FILTER_METHOD_BEFORE TIMESTAMP_FILTER_METHOD_BEFORE_OR_EQUALS"
    ),
    "zitadel.filter.v2beta.TimestampFilterMethod": (
        "TIMESTAMP_FILTER_METHOD_EQUALS TIMESTAMP_FILTER_METHOD_GREATER TIMESTAMP_FILTER_METHOD_GREATER_OR_EQUALS "
        "TIMESTAMP_FILTER_METHOD_LESS TIMESTAMP_FILTER_METHOD_LESS_OR_EQUALS"
    ),
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
    FieldDescriptor.TYPE_BYTES: "bytes",
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


@pytest.mark.parametrize(("service", "count"), METHOD_COUNTS.items())
def test_a_service_has_its_methods_with_messages_of_their_names(service: str, count: int) -> None:
    methods = descriptor_pool.Default().FindServiceByName(service).methods
    assert len(methods) == count
    for method in methods:
        assert (method.input_type.name, method.output_type.name) == (f"{method.name}Request", f"{method.name}Response")


def test_every_method_with_one_response_is_driven_on_its_route() -> None:
    assert ROUTES.keys() == RESPONSES.keys()


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

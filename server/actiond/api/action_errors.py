"""The errors that ZITADEL's actions have in every version of the API, with the same ids, texts and reasons."""

from collections.abc import Mapping

from google.rpc import code_pb2

from actiond.actions import errors
from actiond.api.errors import Entry

_NOT_FOUND = code_pb2.NOT_FOUND


def _condition_unknown(error_id: str, reason: str, rule: str) -> Entry:
    return Entry(_NOT_FOUND, error_id, "Execution condition is invalid", reason, "condition", rule)


OF_ACTIONS: Mapping[type[Exception], Entry] = {
    errors.TargetNameTakenError: Entry(
        code_pb2.ALREADY_EXISTS, "V3-DKcYh", "Target already exists", "TARGET_NAME_TAKEN"
    ),
    errors.MethodUnknownError: _condition_unknown(
        "COMMAND-vysplsevt8", "METHOD_UNKNOWN", "names a method that this server does not know"
    ),
    errors.ServiceUnknownError: _condition_unknown(
        "COMMAND-qu6dfhiioq", "SERVICE_UNKNOWN", "names a service that this server does not know"
    ),
    errors.FunctionUnknownError: _condition_unknown(
        "COMMAND-cdy39t0ksr", "FUNCTION_UNKNOWN", "names a function that this server was not started with"
    ),
    errors.EventUnknownError: _condition_unknown(
        "COMMAND-74aaqj8fv9", "EVENT_UNKNOWN", "names a type of events that this server was not started with"
    ),
    errors.GroupUnknownError: _condition_unknown(
        "COMMAND-er5oneb5lz", "EVENT_GROUP_UNKNOWN", "names a group that no event of this server is in"
    ),
}

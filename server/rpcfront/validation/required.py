"""`required` of proto2 and of editions (LEGACY_REQUIRED): presence as the language has it."""

from collections.abc import Sequence

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from rpcfront.status import FieldViolation
from rpcfront.validation.annotations import reachable
from rpcfront.validation.beginning import Beginning

_MISSING = "value is required"  # as buf.validate's rule of this name puts it


def may_lack_required(descriptor: Descriptor) -> bool:
    """Return whether a message type, or that of a field at any depth, may have required fields."""
    return any(part.is_extendable or any(field.is_required for field in part.fields) for part in reachable(descriptor))


def missing(message: Message) -> Sequence[FieldViolation]:
    """Return a violation for each required field that is not set."""
    if type(message).IsInitialized(message):
        return ()
    beginning = Beginning(message)
    paths = type(message).FindInitializationErrors(beginning.copy)  # type: ignore[attr-defined]  # not in the stubs
    found = [FieldViolation(path, _MISSING) for path in paths if beginning.is_whole(path)]
    return found or [FieldViolation("", "a required field far inside is not set")]

"""Checks messages against the buf.validate rules in their protos: by a compiled fast path, else by protovalidate.

Also for fields that the language requires, as in proto2.
"""

from collections.abc import Iterable, Sequence

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.wellknown import descriptor_of
from rpcfront.validation.annotations import has_rules, reachable
from rpcfront.validation.fast_path.messages import Predicate, Predicates, always_valid
from rpcfront.validation.required import may_lack_required, missing


class Validator:
    """Checks messages of any type.

    The rules of `request_classes`, and of all that they are made of, are compiled at once, so that a bad rule raises
    ServiceError here and not in a call. Those of other types are compiled on first use.
    """

    def __init__(self, request_classes: Iterable[type[Message]] = ()) -> None:
        # protovalidate is large, so it is loaded only where messages are validated.
        from rpcfront.validation.engine import Engine, check_names

        self._engine = Engine()
        # Most messages are valid, and these find it out in a quarter of the time.
        self._predicates: dict[type[Message], Predicate] = {}
        self._without_rules: set[type[Message]] = set()
        predicates = Predicates()
        compiled: set[Descriptor] = set()
        for request_class in request_classes:
            descriptor = descriptor_of(request_class())
            for part in reachable(descriptor):
                if part not in compiled and has_rules(part):
                    self._engine.compile(part)
                compiled.add(part)
            is_valid = predicates.of(descriptor)
            if is_valid is always_valid:
                self._without_rules.add(request_class)
            else:
                check_names(descriptor)
            if is_valid is not None:
                self._predicates[request_class] = _with_required(descriptor, is_valid)

    def violations(self, message: Message) -> Sequence[FieldViolation]:
        """Return the rules that a message breaks; a field may be named more than once."""
        is_valid = self._predicates.get(type(message))
        if is_valid is not None and is_valid(message):
            return ()
        found = missing(message)
        return found if type(message) in self._without_rules else [*found, *self._engine.violations(message)]


def _with_required(descriptor: Descriptor, is_valid: Predicate) -> Predicate:
    """Return a predicate that also asks for the required fields of the language, if there can be any."""
    if not may_lack_required(descriptor):
        return is_valid
    is_initialized = GetMessageClass(descriptor).IsInitialized
    return lambda message: is_initialized(message) and is_valid(message)

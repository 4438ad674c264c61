"""Checks messages against the buf.validate rules in their protos: by a compiled fast path, else by protovalidate."""

from collections.abc import Iterable, Sequence

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.wellknown import descriptor_of
from rpcfront.validation.annotations import has_rules, reachable
from rpcfront.validation.fast_path.messages import Predicate, Predicates


class Validator:
    """Checks messages of any type.

    The rules of `request_classes`, and of all that they are made of, are compiled at once, so that a bad rule raises
    ServiceError here and not in a call. Those of other types are compiled on first use.
    """

    def __init__(self, request_classes: Iterable[type[Message]] = ()) -> None:
        # protovalidate is large, so it is loaded only where messages are validated.
        from rpcfront.validation.engine import Engine

        self._engine = Engine()
        # Most messages are valid, and these find it out in a quarter of the time.
        self._predicates: dict[type[Message], Predicate] = {}
        predicates = Predicates()
        compiled: set[Descriptor] = set()
        for request_class in request_classes:
            descriptor = descriptor_of(request_class())
            for part in reachable(descriptor):
                if part not in compiled and has_rules(part):
                    self._engine.compile(part)
                compiled.add(part)
            is_valid = predicates.of(descriptor)
            if is_valid is not None:
                self._predicates[request_class] = is_valid

    def violations(self, message: Message) -> Sequence[FieldViolation]:
        """Return the rules that a message breaks; a field may be named more than once."""
        is_valid = self._predicates.get(type(message))
        if is_valid is not None and is_valid(message):
            return ()
        return self._engine.violations(message)

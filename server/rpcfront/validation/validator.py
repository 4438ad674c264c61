"""Checks messages against the buf.validate rules in their protos: by a compiled fast path, else by protovalidate."""

from collections.abc import Iterable, Sequence

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from rpcfront.status import FieldViolation
from rpcfront.transcoding.json.wellknown import descriptor_of
from rpcfront.validation.annotations import has_rules, reachable
from rpcfront.validation.fast_path.messages import Accept, Acceptors


class Validator:
    """Checks messages of any type.

    The rules of `request_classes`, and of all that they are made of, are compiled at once, so that a bad rule raises
    ServiceError here and not in a call. Those of other types are compiled on first use.
    """

    def __init__(self, request_classes: Iterable[type[Message]] = ()) -> None:
        # protovalidate is large, so it is loaded only where messages are validated.
        from rpcfront.validation.engine import Engine

        self._engine = Engine()
        # Most messages are valid, and these know it faster than protovalidate does.
        self._accept: dict[type[Message], Accept] = {}
        acceptors = Acceptors()
        compiled: set[Descriptor] = set()
        for request_class in request_classes:
            descriptor = descriptor_of(request_class())
            for part in reachable(descriptor):
                if part not in compiled and has_rules(part):
                    self._engine.compile(part)
                compiled.add(part)
            accept = acceptors.of(descriptor)
            if accept is not None:
                self._accept[request_class] = accept

    def violations(self, message: Message) -> Sequence[FieldViolation]:
        """Return the rules that a message breaks; a field may be named more than once."""
        accept = self._accept.get(type(message))
        if accept is not None and accept(message):
            return ()
        return self._engine.violations(message)

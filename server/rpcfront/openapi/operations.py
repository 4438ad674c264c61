"""What a document is made of: the routes of methods, and how a call of each ends when it goes well."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor

from rpcfront.transcoding.annotations import Route, compile_rule, http_rules


@dataclass(frozen=True, slots=True)
class Operation:
    """A route, and the HTTP status of a call that went well."""

    route: Route
    success_status: int = 200


def operations(methods: Iterable[MethodDescriptor], success_code: Callable[[MethodDescriptor], int]) -> list[Operation]:
    """Every binding of every method. Raises AnnotationError."""
    return [
        Operation(compile_rule(method, rule), success_code(method)) for method in methods for rule in http_rules(method)
    ]

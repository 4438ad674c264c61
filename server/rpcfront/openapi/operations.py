"""The operations of a document: the routes of methods, and the status of a successful call of each."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from google.protobuf.descriptor import MethodDescriptor

from rpcfront.transcoding.annotations import Route, compile_rule, http_rules


@dataclass(frozen=True, slots=True)
class Operation:
    """A route, and the HTTP status of a successful call."""

    route: Route
    success_status: int = 200


def operations(methods: Iterable[MethodDescriptor], success_code: Callable[[MethodDescriptor], int]) -> list[Operation]:
    """Return an operation for every binding of every method. Raises AnnotationError."""
    return [
        Operation(compile_rule(method, rule), success_code(method)) for method in methods for rule in http_rules(method)
    ]

"""Reads google.api.http annotations, and checks them against the messages of their methods."""

from dataclasses import dataclass

from google.api import annotations_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from rpcfront.transcoding.fields import is_textual, proto_path, resolve
from rpcfront.transcoding.templates import Template, TemplateError, parse

WHOLE_MESSAGE = "*"
"""The `body` of a rule whose body is the message itself."""

ANY_METHOD = "*"
HTTP_METHODS = frozenset(
    {
        *(
            "GET",
            "HEAD",
            "POST",
            "PUT",
            "DELETE",
            "OPTIONS",
            "TRACE",
            "PATCH",
            "QUERY",
            "PURGE",
            "LINK",
            "UNLINK",
            "SOURCE",
        ),
        *("ACL", "BIND", "COPY", "LOCK", "MKCALENDAR", "MKCOL", "MOVE", "PROPFIND", "PROPPATCH", "REBIND", "REPORT"),
        *(
            "SEARCH",
            "UNBIND",
            "UNLOCK",
            "CHECKOUT",
            "MERGE",
            "MKACTIVITY",
            "M-SEARCH",
            "NOTIFY",
            "SUBSCRIBE",
            "UNSUBSCRIBE",
        ),
    }
)
"""The methods that llhttp, the parser of HTTP/1.1, knows: a custom kind is one of them, over every server alike."""


class AnnotationError(ValueError):
    """A google.api.http annotation that cannot be served. The text names the method and the reason."""

    def __init__(self, method: MethodDescriptor, reason: str) -> None:
        super().__init__(f"{method.full_name}: google.api.http: {reason}")


@dataclass(frozen=True, slots=True)
class HttpRule:
    """One binding of a google.api.http annotation, as it was written."""

    http_method: str
    template: str
    body: str = ""
    response_body: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A rule that has been checked against its method's messages."""

    method: MethodDescriptor
    rule: HttpRule
    template: Template
    bound: frozenset[str]
    """The proto paths that the path sets."""
    body: FieldDescriptor | None
    """The field that is the body; None if the body is the whole message, or there is no body."""
    response_body: FieldDescriptor | None

    def __str__(self) -> str:
        return str(self.method.full_name)


def http_rules(method: MethodDescriptor) -> list[HttpRule]:
    """Return the bindings of a method's annotation, the main one first; none without one. Raises AnnotationError."""
    # Parsed again from bytes: a descriptor from another pool has its own class for the extension.
    options = MethodOptions.FromString(method.GetOptions().SerializeToString())
    if not options.HasExtension(annotations_pb2.http):
        return []
    main = options.Extensions[annotations_pb2.http]
    rules: list[HttpRule] = []
    for rule in (main, *main.additional_bindings):
        if rule is not main and rule.additional_bindings:
            raise AnnotationError(method, "additional_bindings inside additional_bindings")
        kind = rule.WhichOneof("pattern") or ""
        http_method, template = kind.upper(), getattr(rule, kind, "")
        if kind == "custom":
            http_method, template = rule.custom.kind, rule.custom.path
        if not template:
            raise AnnotationError(method, "a binding without a path")
        rules.append(HttpRule(http_method, template, rule.body, rule.response_body))
    return rules


def compile_rule(method: MethodDescriptor, rule: HttpRule) -> Route:
    """Check a rule against its method's messages. Raises AnnotationError."""
    if rule.http_method != ANY_METHOD and rule.http_method not in HTTP_METHODS:
        raise AnnotationError(method, f"{rule.http_method!r} is not an HTTP method that can be served")
    try:
        template = parse(rule.template)
    except TemplateError as error:
        raise AnnotationError(method, str(error)) from None
    bound = _bound(method, template)
    whole = rule.body == WHOLE_MESSAGE
    body = None if whole else _top_level(method, rule.body, method.input_type, "body")
    if body is not None and body.name in bound:
        raise AnnotationError(method, f"{body.name} is both the body and in the path")
    response_body = _top_level(method, rule.response_body, method.output_type, "response_body")
    return Route(method, rule, template, bound, body, response_body)


def _bound(method: MethodDescriptor, template: Template) -> frozenset[str]:
    """Return the proto paths of a template's variables."""
    bound: set[str] = set()
    for variable in template.variables:
        dotted = ".".join(variable.field_path)
        path = resolve(method.input_type, dotted)
        if path is None:
            raise AnnotationError(method, f"{method.input_type.full_name} has no field {dotted} for {template}")
        if path[-1].is_repeated or not is_textual(path[-1]):
            raise AnnotationError(method, f"{dotted} in {template} is a repeated, map or message field")
        if proto_path(path) in bound:
            raise AnnotationError(method, f"{dotted} is bound twice in {template}")
        bound.add(proto_path(path))
    return frozenset(bound)


def _top_level(method: MethodDescriptor, name: str, message: Descriptor, clause: str) -> FieldDescriptor | None:
    if not name:
        return None
    if name not in message.fields_by_name:
        raise AnnotationError(method, f"{message.full_name} has no field {name!r} for {clause}")
    return message.fields_by_name[name]

"""JSON Schema of messages and enums in proto3 JSON, each a component of the document under its full proto name.

Schemas of requests differ from those of responses: fields may be null, numbers may be strings, and rules apply. A
message that is in both has two components.
"""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from rpcfront.openapi import rules
from rpcfront.openapi.comments import Comments
from rpcfront.openapi.scalars import INT32, Form, Schema, key_pattern, scalar_name, scalar_schema
from rpcfront.openapi.wellknown import null_schema, special_schema, takes_null
from rpcfront.transcoding.json.wellknown import is_wrapper
from rpcfront.validation.annotations import has_rules
from rpcfront.validation.buf_validate import Rules, message_class
from rpcfront.validation.validator import Validator

INPUT_SUFFIX = "-Input"
"""Suffix of a message's component in requests, if it is in responses, too. No proto name has a hyphen."""

OUTPUT_SUFFIX = "-Output"
"""Suffix of a number's component in responses."""

_COMPONENTS = "#/components/schemas/"
_NULL: Schema = {"type": "null"}
_NOTHING: frozenset[tuple[str, ...]] = frozenset()


def never(_descriptor: Descriptor) -> bool:
    """Return False: unknown fields of the message are ignored."""
    return False


class Schemas:
    """Makes schemas, and keeps those that others refer to.

    `outputs` are the messages of responses. `is_strict` tells whether a message in a request must have no unknown
    fields.
    """

    def __init__(
        self,
        comments: Comments,
        outputs: Iterable[Descriptor] = (),
        is_strict: Callable[[Descriptor], bool] = never,
    ) -> None:
        self._comments = comments
        self._is_strict = is_strict
        self._validator = Validator()
        self._outputs: set[str] = set()
        self._reach(outputs)
        self._components: dict[str, Schema] = {}
        # Components are made one after another, not inside each other: types can be nested deeper than calls.
        self._unmade: list[tuple[str, Callable[[], Schema]]] = []
        self._required: dict[str, frozenset[str]] = {}

    @property
    def components(self) -> dict[str, Schema]:
        """The components that schemas made so far refer to, by name."""
        self._make_components()
        return dict(sorted(self._components.items()))

    def message(self, descriptor: Descriptor, form: Form) -> Schema:
        """Return a reference to a message."""
        if form is Form.TEXT:
            form = Form.INPUT
        name = str(descriptor.full_name)
        if form is Form.INPUT and name in self._outputs and (self._is_strict(descriptor) or not _is_alike(descriptor)):
            name += INPUT_SUFFIX
        return self._component(name, lambda: special_schema(descriptor, form) or self._object(descriptor, form))

    def field(self, field: FieldDescriptor, form: Form) -> Schema:
        """Return the schema of a field's value, without null, with its comment."""
        ruled = rules.rules_of(field) if form is not Form.OUTPUT else message_class("FieldRules")()
        schema = self._bare(field, form, ruled)
        given = rules.examples(ruled)
        notes = "\n\n".join(filter(None, [self.comment(field.full_name), *rules.sentences(ruled, field)]))
        extras = {"description": notes, "deprecated": field.GetOptions().deprecated, "examples": given}
        return schema | {key: value for key, value in extras.items() if value}

    def rest(self, descriptor: Descriptor, given: AbstractSet[tuple[str, ...]]) -> Schema:
        """Return the schema of a message in a body, without the fields that the path gives."""
        return self._object(descriptor, Form.INPUT, given) if given else self.message(descriptor, Form.INPUT)

    def response_body(self, field: FieldDescriptor) -> Schema:
        """Return the schema of a field that is a whole response: null if it is absent."""
        schema = self.field(field, Form.OUTPUT)
        return nullable(schema) if field.has_presence and not takes_null(field) else schema

    def comment(self, full_name: str) -> str:
        """Return the comment of a name in the proto file."""
        return self._comments.get(full_name, "")

    def required(self, descriptor: Descriptor) -> frozenset[str]:
        """Return the names of the fields and oneofs that a request must have: by a rule, or by the language."""
        name = str(descriptor.full_name)
        if name not in self._required:
            found = _required_by_language(descriptor)
            if has_rules(descriptor):
                empty = GetMessageClass(descriptor)()
                found |= {violation.field for violation in self._validator.violations(empty)}
            self._required[name] = found
        return self._required[name]

    def one_form(self, schema: Schema) -> Schema:
        """Return a schema, of one of several types the first: generators have no name for a body of several."""
        self._make_components()
        name = schema.get("$ref", "").removeprefix(_COMPONENTS)
        branches: list[Schema] | None = schema.get("anyOf") or self._components.get(name, {}).get("anyOf")
        if branches is None:
            return schema
        about = {key: value for key, value in schema.items() if key not in {"$ref", "anyOf"}}
        return branches[0] | about

    def _reach(self, outputs: Iterable[Descriptor]) -> None:
        waiting = list(outputs)
        while waiting:
            descriptor = waiting.pop()
            if descriptor.full_name not in self._outputs:
                self._outputs.add(descriptor.full_name)
                waiting += [field.message_type for field in descriptor.fields if field.message_type is not None]

    def _make_components(self) -> None:
        while self._unmade:
            name, make = self._unmade.pop()
            self._components[name] = make()

    def _bare(self, field: FieldDescriptor, form: Form, ruled: Rules) -> Schema:
        inner = field.message_type
        if inner is not None and inner.GetOptions().map_entry:
            return self._map(inner, form, ruled.map) | rules.keywords(ruled, field)
        if field.is_repeated:
            items = self._ruled(field, form, ruled.repeated.items)
            return {"type": "array", "items": items} | rules.keywords(ruled, field)
        return self._ruled(field, form, ruled)

    def _map(self, entry: Descriptor, form: Form, ruled: Rules) -> Schema:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        names = (key_pattern(key) or {}) | rules.keywords(ruled.keys, key)
        schema: Schema = {"type": "object", "additionalProperties": self._ruled(value, form, ruled.values)}
        return schema | {"propertyNames": names} if names else schema

    def _ruled(self, field: FieldDescriptor, form: Form, ruled: Rules) -> Schema:
        """Return the schema of a singular field or an element, by its type and its rules."""
        return rules.choice(ruled, field, form) or self._element(field, form) | rules.keywords(ruled, field)

    def _element(self, field: FieldDescriptor, form: Form) -> Schema:
        if takes_null(field) and field.enum_type is not None:
            return null_schema(form)
        if field.enum_type is not None:
            enum = field.enum_type
            return self._component(enum.full_name, lambda: self._enum(enum))
        if field.message_type is None:
            return self._scalar(field, form)
        if form is Form.TEXT and is_wrapper(field.message_type):
            return scalar_schema(field.message_type.fields_by_name["value"], form)
        return self.message(field.message_type, form)

    def _scalar(self, field: FieldDescriptor, form: Form) -> Schema:
        schema, name = scalar_schema(field, form), scalar_name(field)
        if name is None or "anyOf" not in schema:
            return schema
        # A component: one type in clients, and one copy of its long pattern. Without a suffix, clients would have a
        # type called float.
        return self._component(f"{name}{OUTPUT_SUFFIX if form is Form.OUTPUT else INPUT_SUFFIX}", lambda: schema)

    def _component(self, name: str, make: Callable[[], Schema]) -> Schema:
        if name not in self._components:
            self._components[name] = {}
            self._unmade.append((name, make))
        return {"$ref": f"{_COMPONENTS}{name}"}

    def _enum(self, enum: EnumDescriptor) -> Schema:
        names = [value.name for value in enum.values]
        numbers = {"enum": sorted({value.number for value in enum.values})} if enum.is_closed else INT32
        notes = [self.comment(enum.full_name), "\n".join(self._values(enum))]
        return {"anyOf": [{"type": "string", "enum": names}, numbers], "description": "\n\n".join(filter(None, notes))}

    def _values(self, enum: EnumDescriptor) -> Iterable[str]:
        for value in enum.values:
            comment = " ".join(self.comment(f"{enum.full_name}.{value.name}").split())
            yield f"- `{value.name}` ({value.number}){': ' if comment else ''}{comment}"

    def _object(self, descriptor: Descriptor, form: Form, given: AbstractSet[tuple[str, ...]] = _NOTHING) -> Schema:
        required = self.required(descriptor) if form is Form.INPUT else _required_by_language(descriptor)
        left = _left(descriptor, given)
        properties: dict[str, Schema] = {}
        for field in left:
            schema = self.field(field, form)
            deeper = frozenset(path[1:] for path in given if path[0] == field.name)
            if deeper and field.message_type is not None:
                schema = self.rest(field.message_type, deeper)
            may_be_null = form is Form.INPUT and not (_is_required(field, required) or takes_null(field))
            properties[field.json_name] = nullable(schema) if may_be_null else schema
        names = [field.json_name for field in left if _is_required(field, required)]
        oneofs = [(members, name in required) for name, members in _oneofs(left)]
        sentences = [_sentence(members, is_required=is_required) for members, is_required in oneofs]
        whole: Schema = {
            "type": "object",
            "description": "\n\n".join(filter(None, [self.comment(descriptor.full_name), *sentences])),
            "deprecated": descriptor.GetOptions().deprecated,
            "properties": properties,
            "required": names,
        }
        if oneofs:
            # Generators of clients make a type of each branch that is beside the properties, or below `not`; they do
            # not know conditions.
            whole["if"] = {
                "allOf": [_choice(members, form, is_required=is_required) for members, is_required in oneofs]
            }
            whole["else"] = {"not": {}}
        kept = {key: value for key, value in whole.items() if value}
        if form is Form.INPUT and self._is_strict(descriptor):
            kept["additionalProperties"] = False
        return kept


def nullable(schema: Schema) -> Schema:
    """Return the schema or null. Its description stays outside, where readers look for it."""
    about: Schema = {key: schema[key] for key in ("description", "deprecated", "examples") if key in schema}
    rest = {key: value for key, value in schema.items() if key not in about}
    if "type" in rest and not rest.keys() & {"enum", "const", "anyOf", "oneOf", "allOf", "not"}:
        kinds = rest["type"] if isinstance(rest["type"], list) else [rest["type"]]
        return {**rest, "type": [*kinds, "null"], **about}
    branches = rest["anyOf"] if rest.keys() == {"anyOf"} else [rest]
    return {"anyOf": [*branches, _NULL], **about}


def _choice(members: list[FieldDescriptor], form: Form, *, is_required: bool) -> Schema:
    """Return the schema of a oneof: a branch for each member, and one for none unless it is required."""
    branches: list[Schema] = []
    for member in members:
        name = member.json_name
        null_is_absent = form is Form.INPUT and not takes_null(member)
        branches.append({"required": [name]} | ({"properties": {name: {"not": _NULL}}} if null_is_absent else {}))
    return {"oneOf": branches if is_required else [*branches, {"not": {"anyOf": branches}}]}


def _sentence(members: list[FieldDescriptor], *, is_required: bool) -> str:
    names = ", ".join(f"`{member.json_name}`" for member in members)
    return f"{'Exactly' if is_required else 'At most'} one of {names} may be given."


def _is_alike(descriptor: Descriptor) -> bool:
    """Return whether the schema of a message is the same in requests and responses."""
    output = special_schema(descriptor, Form.OUTPUT)
    return not descriptor.fields if output is None else output == special_schema(descriptor, Form.INPUT)


def _required_by_language(descriptor: Descriptor) -> frozenset[str]:
    """Return the names of the `required` fields of proto2, and of those of an edition that are like them."""
    return frozenset(str(field.name) for field in descriptor.fields if field.is_required)


def _is_required(field: FieldDescriptor, required: AbstractSet[str]) -> bool:
    """Return whether the field is required, or a oneof of which it is the only member."""
    oneof = field.containing_oneof
    return field.name in required or (oneof is not None and len(oneof.fields) == 1 and oneof.name in required)


def _left(descriptor: Descriptor, given: AbstractSet[tuple[str, ...]]) -> list[FieldDescriptor]:
    """Return the fields that a body may have beside `given` ones: neither those nor other members of their oneofs."""
    entered = {path[0] for path in given}
    whole = {path[0] for path in given if len(path) == 1}
    return [
        field
        for field in descriptor.fields
        if field.name not in whole and (field.name in entered or not entered.intersection(_rivals(field)))
    ]


def _rivals(field: FieldDescriptor) -> set[str]:
    oneof = field.containing_oneof
    return set() if oneof is None else {member.name for member in oneof.fields}


def _oneofs(fields: Iterable[FieldDescriptor]) -> list[tuple[str, list[FieldDescriptor]]]:
    """Return the oneofs among some fields. Those of `optional` fields are synthetic, and have one member."""
    members: dict[str, list[FieldDescriptor]] = {}
    for field in fields:
        if field.containing_oneof is not None:
            members.setdefault(field.containing_oneof.name, []).append(field)
    return [(name, found) for name, found in members.items() if len(found) > 1]

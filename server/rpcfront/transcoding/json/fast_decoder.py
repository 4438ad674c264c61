"""Compiles, once per message type, the straight way through an object that has nothing unusual in it.

That is: known fields under their JSON names, no nulls, one member of each oneof, every scalar of the form that its
field has in most documents. Whatever else comes is left, with the whole object, to the general way, which names what
is wrong. It may come second: until every scalar has been looked at nothing is set, and nothing inside has been read. So
no object is read twice because of what is wrong further inside, which would double the work at every level.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from rpcfront.codegen import assignment, attribute, function
from rpcfront.transcoding.json.parse_errors import Merge, WrongFormError, below
from rpcfront.transcoding.json.scalars import json_reader

FEW = 16
"""Fields of a type that is compiled so. A document that has few of many is read faster key by key."""

_TYPES = {FieldDescriptor.TYPE_STRING: "str", FieldDescriptor.TYPE_BOOL: "bool"}


def straight_merge(
    descriptor: Descriptor,
    merges: Mapping[FieldDescriptor, Merge],
    general: Merge,
    type_merge: Callable[[Descriptor], Merge],
) -> Merge:
    """The straight way of a type.

    `merges` are those of its fields, `general` is what takes everything else, `type_merge` tells how a type is merged.
    """
    names: dict[str, Any] = {"general": general, "WrongFormError": WrongFormError, "below": below}
    looks: list[str] = []
    puts: list[str] = []
    for index, (field, merge) in enumerate(merges.items()):
        item = f"item_{index}"
        looks += [f"{item} = get({field.json_name!r})", f"if {item} is not None:", "    left -= 1"]
        puts.append(f"if {item} is not None:")
        inner = None if field.is_repeated else field.message_type
        if field.is_repeated or inner is not None:
            # One message is merged by its type at once: a call less.
            names[f"merge_{index}"] = merge if inner is None else type_merge(inner)
            into = "message" if inner is None else attribute("message", field.name)
            puts += [
                f"    wrong = merge_{index}({into}, {item})",
                "    if wrong is not None:",
                f"        faults += below({f'.{field.name}'!r}, wrong)",
            ]
            continue
        looks += _look(field, item, index, names)
        puts.append(f"    {assignment('message', field.name, item)}")
    lines = [
        "if type(value) is not dict:",
        "    return general(message, value)",
        "get = value.get",
        "left = len(value)",
        *looks,
        f"if left{''.join(_rivals(descriptor))}:",
        "    return general(message, value)",
        "message.SetInParent()",
        "faults = ()",
        *puts,
        "return faults or None",
    ]
    return cast("Merge", function("merge(message, value)", lines, names))


def _look(field: FieldDescriptor, item: str, index: int, names: dict[str, Any]) -> list[str]:
    """Lines that leave what is to be set in `item`, or give up."""
    give_up = "return general(message, value)"
    if field.type in _TYPES:
        return [f"    if type({item}) is not {_TYPES[field.type]}:", f"        {give_up}"]
    names[f"read_{index}"] = json_reader(field)
    return [
        "    try:",
        f"        {item} = read_{index}({item})",
        "    except WrongFormError:",
        f"        {give_up}",
    ]


def _rivals(descriptor: Descriptor) -> list[str]:
    """Conditions, one for each oneof, that more than one of its members is there."""
    indexes = {field.name: index for index, field in enumerate(descriptor.fields)}
    return [
        f" or {' + '.join(f'(item_{indexes[field.name]} is not None)' for field in oneof.fields)} > 1"
        for oneof in descriptor.oneofs
        if len(oneof.fields) > 1
    ]


def shared_oneof(field: FieldDescriptor) -> str | None:
    """The oneof of a field, if others are in it: that of an `optional` field is protoc's invention."""
    oneof = field.containing_oneof
    return oneof.name if oneof is not None and len(oneof.fields) > 1 else None

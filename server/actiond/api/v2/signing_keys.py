"""Keeps signing keys from the targets of response executions, which are not those that the keys are of.

Who may set an execution, but not change targets, would otherwise be sent the keys of all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

PutBack = Callable[[Message], None]
"""Puts the signing keys back into a response, as executions have left it."""


def withhold(response: Message) -> PutBack | None:
    """Take the signing keys from a response that may have some, and return what puts them back; else None.

    A key belongs to the target's id, so a target whose id an execution has changed gets none. What executions write in
    a key's place is not kept.
    """
    holders_of = _HOLDERS.get(response.DESCRIPTOR.full_name)
    if holders_of is None:
        return None
    keys = {_id_of(holder): holder.signing_key for holder in holders_of(response)}
    for holder in holders_of(response):
        holder.ClearField("signing_key")

    def put_back(changed: Message) -> None:
        for holder in holders_of(changed):
            key = keys.get(_id_of(holder), "")
            if key:
                holder.signing_key = key
            else:
                holder.ClearField("signing_key")

    return put_back


def _id_of(holder: Any) -> str:
    """Return the id of the target whose key the message holds. The response to an update has none."""
    return getattr(holder, "id", "")


def _itself(response: Any) -> Sequence[Any]:
    return (response,)


def _target(response: Any) -> Sequence[Any]:
    return (response.target,) if response.HasField("target") else ()


def _targets(response: Any) -> Sequence[Any]:
    return list(response.targets)


_HOLDERS: Mapping[str, Callable[[Any], Sequence[Any]]] = {
    f"zitadel.action.{version}.{message}": holders_of
    for version in ("v2", "v2beta")
    for message, holders_of in {
        "CreateTargetResponse": _itself,
        "UpdateTargetResponse": _itself,
        "GetTargetResponse": _target,
        "ListTargetsResponse": _targets,
    }.items()
}
"""The messages in a response that hold a signing key, by the response's type."""

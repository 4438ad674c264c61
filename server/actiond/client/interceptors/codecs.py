"""Messages as bytes beside their decoded form, so that executions need no message class.

What is set for a method is looked up when a message arrives, not when its call begins: a client cannot keep calls open
from before an execution was set, and send the messages afterwards.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from actiond.client.interceptors.rules import NOTHING, Rule, Rules

Deserializer = Callable[[bytes], Any]
Serializer = Callable[[Any], bytes]


@dataclass(frozen=True, slots=True)
class Arrived:
    """A request for which an execution may run."""

    raw: bytes
    message: Any
    """It is decoded as grpcio does it, before anything runs: what does not parse is refused in grpcio's way."""
    rule: Rule | None
    """None if actiond has to be asked."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A response that is serialized already."""

    raw: bytes


def reads_arrived(inner: Deserializer | None, rules: Rules, method: str, *, is_kept: bool) -> Deserializer:
    """Return a deserializer that returns an Arrived, or just the message if nothing is set for the method.

    With `is_kept` it always returns an Arrived, since the bytes may be needed later.
    """

    def deserialize(raw: bytes) -> Any:
        message = raw if inner is None else inner(raw)
        rule = rules.find(method)
        return message if message is None or (rule is NOTHING and not is_kept) else Arrived(raw, message, rule)

    return deserialize


def writes_encoded(inner: Serializer | None) -> Serializer:
    """Return a serializer that takes an Encoded too."""

    def serialize(message: Any) -> bytes:
        if type(message) is Encoded:
            return message.raw
        return message if inner is None else inner(message)

    return serialize

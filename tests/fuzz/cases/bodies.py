"""The messages of requests as bytes, in JSON and in protobuf: whole, or come to harm on the way."""

from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from tests.fuzz.cases import documents, values
from tests.fuzz.cases.dice import Dice
from tests.fuzz.cases.messages import encoded, filled, oddity
from tests.fuzz.cases.mutations import mutate, splice
from tests.fuzz.endings import ENDINGS, WAITS


def ending(dice: Dice) -> str:
    """What a request asks for; seldom for something that takes its time."""
    asked = dice.choice((*ENDINGS, "", "", ""))
    return "" if asked in WAITS and dice.chance(1 - WAITS[asked][1]) else asked


def request(dice: Dice, descriptor: Any) -> Any:
    """A message that mostly asks for an ending."""
    message = filled(dice, descriptor)
    asked = ending(dice)
    if descriptor.full_name == "t.v1.Req":
        message.weird = asked
    elif descriptor.full_name == "echo.v1.Note":
        message.text = asked
    return message


def protobuf(dice: Dice, method: MethodDescriptor) -> bytes:
    """The bytes of a message that came to harm."""
    data = encoded(request(dice, method.input_type))
    match dice.randrange(5):
        case 0 | 1:
            return mutate(dice, data)
        case 2:
            return splice(dice, data, oddity(dice, method.input_type))
        case 3:
            return data + oddity(dice, method.input_type)
        case _:
            return oddity(dice, method.input_type)


def json(dice: Dice, method: MethodDescriptor) -> bytes:
    """The bytes of a JSON document that came to harm."""
    document = documents.printed(request(dice, method.input_type))
    match dice.randrange(4):
        case 0:
            return mutate(dice, document.encode())
        case 1:
            return mutate(dice, documents.mangled(dice, document, method.input_type), most=1)
        case _:
            return documents.mangled(dice, document, method.input_type)


def by_rule(dice: Dice, rule: str, method: MethodDescriptor) -> bytes:
    """What stands in the body by the rule: nothing, the message, one field of it, or anything."""
    if dice.chance(0.05):
        return dice.choice(values.JSON_TOKENS)
    if not rule:
        return b""
    if rule == "*" and dice.chance(0.7):
        return json(dice, method)
    if rule == "*":
        return documents.printed(request(dice, method.input_type)).encode()
    field: Any = method.input_type.fields_by_name[rule]
    if field.message_type is not None and not field.is_repeated and dice.chance(0.7):
        document = documents.printed(filled(dice, field.message_type))
        return mutate(dice, document.encode()) if dice.chance(0.4) else document.encode()
    tokens = [dice.choice(values.JSON_TOKENS) for _ in range(dice.randint(0, 3))]
    return b"[" + b",".join(tokens) + b"]" if dice.chance(0.4) else dice.choice(values.JSON_TOKENS)

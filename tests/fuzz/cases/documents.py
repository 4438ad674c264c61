"""JSON documents: those of valid messages, and what can be done to one as a document."""

import json
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from tests.fuzz.cases import values
from tests.fuzz.cases.dice import Dice


def printed(message: Message) -> str:
    """The message as proto3 JSON, by the library's own printer."""
    pool: Any = message.DESCRIPTOR.file.pool
    return str(json_format.MessageToJson(message, indent=None, descriptor_pool=pool))


_INNERMOST = ("{}", "1", '{"i":"x"}', '{"s":1,"text":1}', "null")
_DEEP = ("[", '{"sub":', '{"inner":', '{"st":{"a":', '{"subs":[', '{"val":[')


def mangled(dice: Dice, document: str, descriptor: Descriptor) -> bytes:
    """The document after a change that only someone who knows JSON can make."""
    match dice.randrange(6):
        case 0:
            return dice.choice(_DEEP).encode() * dice.choice((3, 60, 101, 5000))
        case 1:
            opened, depth = (
                dice.choice((('{"sub":', "}"), ('{"inner":', "}"), ('{"val":[', "]}"))),
                dice.randint(1, 130),
            )
            return (opened[0] * depth + dice.choice(_INNERMOST) + opened[1] * depth).encode()
        case 2:
            return dice.choice(values.JSON_TOKENS)
        case 3:
            return _respelled(dice, document)
        case 4:
            return _with_member(dice, document, descriptor)
        case _:
            return _with_token(dice, document)


def _respelled(dice: Dice, document: str) -> bytes:
    """The same document in other bytes: escapes, white space, another encoding, a byte order mark."""
    loaded = json.loads(document)
    forms = (
        json.dumps(loaded, ensure_ascii=True, indent=1).encode(),
        document.encode("utf-16"),
        b"\xef\xbb\xbf" + document.encode(),
        b" \t\r\n" + document.encode() + b"\x00",
        document.replace('"', "'").encode(),
        document.replace(":", "\\u003a", 1).encode(),
        document.encode() + b",",
        document.encode() * 2,
    )
    return dice.choice(forms)


def _member(dice: Dice, descriptor: Descriptor) -> bytes:
    if not descriptor.fields:
        return b'"a":' + dice.choice(values.JSON_TOKENS)
    field: Any = dice.choice(descriptor.fields)
    name = dice.choice((field.name, field.json_name, field.name.upper(), "no_such_field", ""))
    value = dice.choice(values.JSON_TOKENS)
    if field.is_repeated and dice.chance(0.5):
        value = b"[" + value + b"," + dice.choice(values.JSON_TOKENS) + b"]"
    return json.dumps(name).encode() + b":" + value


def _with_member(dice: Dice, document: str, descriptor: Descriptor) -> bytes:
    """One member more, perhaps one that was there already, with a value from anywhere."""
    inner = document.strip()[1:-1].encode()
    members = [_member(dice, descriptor) for _ in range(dice.randint(1, 3))] + ([inner] if inner else [])
    dice.shuffle(members)
    return b"{" + b",".join(members) + b"}"


def _with_token(dice: Dice, document: str) -> bytes:
    """One of its values exchanged for one from anywhere."""
    pieces = document.encode().split(b":")
    if len(pieces) == 1:
        return dice.choice(values.JSON_TOKENS)
    at = dice.randrange(1, len(pieces))
    end = max(pieces[at].rfind(b","), len(pieces[at]) - 1 if at == len(pieces) - 1 else 0)
    pieces[at] = dice.choice(values.JSON_TOKENS) + pieces[at][end:]
    return b":".join(pieces)

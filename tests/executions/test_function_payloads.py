"""The payload of a function: what targets get, and what a response makes of it."""

import json

import pytest

from actiond.executions.function_payloads import FunctionPayload
from actiond.executions.json_fields import MAX_BYTES, MAX_LEVELS

PAYLOAD = FunctionPayload("function/price", {"item": "cup", "tags": ["a"]})


async def fields_after(*bodies: bytes) -> object:
    payload = PAYLOAD
    for body in bodies:
        payload = await payload.merged(body)
    return payload.fields


async def test_targets_get_the_name_of_the_function_and_the_fields() -> None:
    assert json.loads(await PAYLOAD.body()) == {"function": "function/price", "item": "cup", "tags": ["a"]}


@pytest.mark.parametrize(
    ("bodies", "fields"),
    [
        ([b""], {"item": "cup", "tags": ["a"]}),
        ([b" \n"], {"item": "cup", "tags": ["a"]}),
        ([b"{}"], {"item": "cup", "tags": ["a"]}),
        ([b'{"price": 5}'], {"item": "cup", "tags": ["a"], "price": 5}),
        ([b'{"tags": {"b": 1.5}}'], {"item": "cup", "tags": {"b": 1.5}}),
        ([b'{"item": null}'], {"item": None, "tags": ["a"]}),
        ([b'{"price": 5}', b'{"price": 6, "item": "mug"}'], {"item": "mug", "tags": ["a"], "price": 6}),
        ([b'{"function": "function/other"}'], {"item": "cup", "tags": ["a"]}),
        ([b'{"n": 9007199254740992}'], {"item": "cup", "tags": ["a"], "n": 2**53}),
    ],
)
async def test_the_fields_of_a_response_replace_those_of_the_same_name(bodies: list[bytes], fields: object) -> None:
    assert await fields_after(*bodies) == fields


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"[]", "not a JSON object"),
        (b'"x"', "not a JSON object"),
        (b"{", "unexpected"),
        (b'{"n": NaN}', "unexpected"),
        (b'{"n": [9007199254740993]}', "9007199254740993"),
        (b'{"n": -9007199254740993}', "-9007199254740993"),
        (b'{"x": ' + b"[" * MAX_LEVELS + b"]" * MAX_LEVELS + b"}", "levels"),
        (b'{"x": "' + b"y" * MAX_BYTES + b'"}', "longer than"),
        (b'{"x": "' + b"y" * (MAX_BYTES - 20) + b'"}', "payload of more than"),
    ],
)
async def test_a_response_that_cannot_be_used_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        await PAYLOAD.merged(body)


async def test_a_response_of_as_many_levels_as_there_may_be_is_used() -> None:
    depth = MAX_LEVELS - 1
    assert await fields_after(b'{"x": ' + b"[" * depth + b"]" * depth + b"}") != PAYLOAD.fields

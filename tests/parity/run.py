"""Runs a row's calls over one driver: puts in what only the run can know, and takes out what no row can foresee."""

import re
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

from actiond_protos.actiond.v1.delivery_service_pb2 import GetDeliveryResponse, TestTargetResponse
from actiond_protos.actiond.v1.execution_service_pb2 import DryRunResponse, SetExecutions
from actiond_protos.zitadel.object.v2.object_pb2 import Details, ListDetails
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from tests.parity.calls import OWNER, id_of
from tests.parity.delivery_calls import MY_TARGET, TOKEN
from tests.parity.delivery_shelf import known_deliveries, my_target
from tests.parity.execution_calls import RECEIVER
from tests.parity.v2_calls import JUST_NOW, key_of, public_key_id
from tests.support.action_service.drivers import Driver
from tests.support.action_service.model import Call, Outcome

M = TypeVar("M", bound=Message)

RECENT = 60
"""Seconds. A time that is older is no matter of this run, and stays to be compared."""
_STAMPS: dict[type[Message], str] = {Details: "change_date", ListDetails: "timestamp"}
_MARK = re.compile("<(?:owner|token|my target|receiver|(?:id of|key of|public key|delivery) [^>]*)>")
_STABLE = ("zitadel.action.v2", "zitadel.action.v2beta")
"""Packages in whose messages a date may be absent, so that one of this run is put as JUST_NOW."""
_INSTANCE = re.compile('(?<="instanceID":")[0-9]+')


class Run:
    """One caller's calls, with the ids and keys of what they made."""

    def __init__(self, driver: Driver, token: str, owner: str, receiver: str = "") -> None:
        """`receiver` is the address of the targets that rows let be called."""
        self._driver = driver
        self._token = token
        self._known = {OWNER: owner, TOKEN: token, MY_TARGET: my_target(owner), **known_deliveries(owner)}
        self._known[RECEIVER] = receiver
        self._names: dict[str, str] = {}
        """The names under which targets were made, by id."""
        self._public_keys = 0

    def __call__(self, call: Call) -> Outcome:
        told = self._told(call)
        outcome = self._driver(told)
        # A target's creation hands over a key, as does the rotation that v2 has. Nothing else ever does.
        is_new = call.method in {"CreateTarget", "UpdateTarget"} and _shows_key(outcome.response)
        is_due = is_new or (call.method == "CreateTarget" and outcome.code == 0)
        assert (outcome.signing_key is not None) == (is_due and self._driver.keeps_trailers)
        if is_new:
            assert outcome.signing_key in {None, _key(outcome.response)}
        self._learn(told.message, outcome.response, outcome.signing_key)
        return outcome

    def _learn(self, request: Any, response: Any, signing_key: str | None) -> None:
        """Remember the ids and keys that a response has, by what rows write in their place."""
        kind = "" if response is None else type(response).__name__
        if kind == "CreateTargetResponse" and request is not None:
            assert re.fullmatch("[0-9]{1,20}", response.id)
            self._known[id_of(request.name)] = response.id
            self._names[response.id] = request.name
            self._known[key_of(request.name)] = _key(response) or signing_key or ""
        elif kind == "UpdateTargetResponse" and _shows_key(response):
            self._known[key_of(self._names[request.id])] = _key(response)
        elif kind == "AddPublicKeyResponse":
            self._public_keys += 1
            self._known[public_key_id(self._public_keys)] = response.key_id

    def _told(self, call: Call) -> Call:
        """The call with the caller's token and with the ids that its row speaks of."""
        given = call.authorization
        if given is not None:
            given = given.replace("{token}", self._token).replace("{TOKEN}", self._token.upper())
        return replace(
            call,
            authorization=given,
            message=None if call.message is None else self.resolved(call.message),
            json=self._text(call.json) if isinstance(call.json, str) else call.json,
        )

    def resolved(self, message: M) -> M:
        """A copy with ids in the place of their names."""
        if b"<" not in message.SerializeToString():
            return message
        copy = type(message)()
        copy.CopyFrom(message)
        self._resolve(copy)
        return copy

    def _resolve(self, message: Message) -> None:
        for field, value in message.ListFields():
            if isinstance(value, str):
                setattr(message, field.name, self._text(value))
            elif isinstance(value, Message):
                self._resolve(value)
            elif field.type == field.TYPE_STRING:
                value[:] = [self._text(part) for part in value]
            else:
                for part in _messages(field, value):
                    self._resolve(part)

    def _text(self, text: str) -> str:
        return _MARK.sub(lambda mark: self._known.get(mark[0], mark[0]), text)


def _key(response: Any) -> str:
    """Return the signing key in a response itself: v3alpha's have none."""
    key: str = getattr(response, "signing_key", "")
    return key


def _shows_key(response: Any) -> bool:
    return _key(response) != ""


def settled(message: M) -> M:
    """A copy without what differs from run to run, which is held to what can be said of it instead."""
    copy = type(message)()
    copy.CopyFrom(message)
    _settle(copy)
    return copy


def _settle(message: Message) -> None:
    if type(message) in _STAMPS:
        assert message.HasField(_STAMPS[type(message)])
    if isinstance(message, ListDetails):
        assert message.processed_sequence > 0
        message.ClearField("processed_sequence")
    if isinstance(message, TestTargetResponse):
        message.ClearField("duration")
    if isinstance(message, GetDeliveryResponse):
        message.payload = _INSTANCE.sub("<instance>", message.payload)
    if isinstance(message, DryRunResponse):
        message.body = _INSTANCE.sub("<instance>", message.body)
    if isinstance(message, SetExecutions):
        message.ClearField("revision")
    for field, value in message.ListFields():
        if isinstance(value, Timestamp):
            _settle_time(message, field.name, value)
        elif isinstance(value, Message):
            _settle(value)
        else:
            for part in _messages(field, value):
                _settle(part)


def _settle_time(message: Message, name: str, value: Timestamp) -> None:
    if abs(time.time() - value.seconds) >= RECENT:
        return
    if message.DESCRIPTOR.file.package in _STABLE:
        value.CopyFrom(JUST_NOW)
    else:
        message.ClearField(name)


def _messages(field: FieldDescriptor, value: Any) -> Iterable[Message]:
    """Return the messages of a repeated field, if it has any. No row has an id or a time in a map."""
    return () if field.message_type is None or field.message_type.GetOptions().map_entry else value

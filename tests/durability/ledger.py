"""What clients asked for and what they were promised. Shared by the threads that ask; knows neither server nor file."""

import threading
from collections.abc import Callable
from typing import Self

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest, CreateTargetResponse
from actiond_protos.zitadel.action.v3alpha.target_pb2 import SetRESTAsync, SetRESTCall, SetRESTWebhook, Target
from google.protobuf.duration_pb2 import Duration

from actiond.actions.ids import COUNTER_BITS, WORKER_BITS

WAIT = 30.0
_TYPES = (
    {"rest_webhook": SetRESTWebhook()},
    {"rest_webhook": SetRESTWebhook(interrupt_on_error=True)},
    {"rest_call": SetRESTCall()},
    {"rest_call": SetRESTCall(interrupt_on_error=True)},
    {"rest_async": SetRESTAsync()},
)


class Ledger:
    """Requests by their names, which are never used twice, and the answers to those that were answered."""

    def __init__(self) -> None:
        self.asked: dict[str, CreateTargetRequest] = {}
        self.promised: dict[str, CreateTargetResponse] = {}
        self.cancelled: list[str] = []
        self._changed = threading.Condition()

    def next_request(self) -> CreateTargetRequest:
        """One that differs from all others in every field. From now on it counts as sent."""
        with self._changed:
            number = len(self.asked)
            request = CreateTargetRequest(
                name=f"Zieladreß 🎯 {number}",
                timeout=Duration(seconds=1 + number, nanos=number * 7_919),
                endpoint=f"https://example.com/{number}?q=%C3%BC",
                **_TYPES[number % len(_TYPES)],
            )
            self.asked[request.name] = request
            self._changed.notify_all()
        return request

    def promise(self, request: CreateTargetRequest, response: CreateTargetResponse) -> None:
        """The request was answered."""
        with self._changed:
            self.promised[request.name] = response
            self._changed.notify_all()

    def wait_until(self, holds: Callable[[Self], bool]) -> None:
        """Returns as soon as it holds, which the threads that ask bring about."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self), WAIT), "nothing moves any more"

    def workers(self) -> set[int]:
        """The numbers of the workers that answered so far; each process that ever served has its own."""
        with self._changed:
            return {worker_of(response) for response in self.promised.values()}

    def unanswered(self) -> dict[str, CreateTargetRequest]:
        """What may have been done, or not."""
        return {name: request for name, request in self.asked.items() if name not in self.promised}

    def copy(self) -> "Ledger":
        """As it stands, for a look back."""
        copy = Ledger()
        copy.asked, copy.promised = dict(self.asked), dict(self.promised)
        return copy


def worker_of(response: CreateTargetResponse) -> int:
    """The number of the worker that answered: part of the id that it made."""
    return int(response.id) >> COUNTER_BITS & (1 << WORKER_BITS) - 1


def target_of(request: CreateTargetRequest, response: CreateTargetResponse) -> Target:
    """What GetTargetByID must answer."""
    target = Target(
        target_id=response.id,
        details=response.details,
        name=request.name,
        timeout=request.timeout,
        endpoint=request.endpoint,
    )
    member = request.WhichOneof("target_type")
    getattr(target, member).CopyFrom(getattr(request, member))
    return target

"""Queries for lists, and the pages that a store returns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from actiond.actions.conditions import ExecutionType
from actiond.actions.deliveries import Delivery, DeliveryState
from actiond.actions.errors import LimitTooHighError
from actiond.actions.events import Event
from actiond.actions.ids import first_id
from actiond.actions.target_health import TargetHealth

T = TypeVar("T")

DEFAULT_PAGE_SIZE = 100
MAX_PAGE_SIZE = 1_000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which part of a list to return, and in which direction it is sorted."""

    offset: int = 0
    limit: int = DEFAULT_PAGE_SIZE
    ascending: bool = False


def page_request(offset: int, limit: int, *, ascending: bool) -> PageRequest:
    """Return the page that a client asks for; a limit of 0 means the default. Raises LimitTooHighError."""
    if limit > MAX_PAGE_SIZE:
        raise LimitTooHighError(MAX_PAGE_SIZE)
    return PageRequest(offset, limit or DEFAULT_PAGE_SIZE, ascending)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A page of a list, and the state of the store in which it was read."""

    items: Sequence[T]
    total: int
    """How many items match, on all pages."""
    position: int
    """The number of the store's last event; 0 before the first."""
    at_ns: int
    """The time of that event."""


class TextMethod(Enum):
    """How texts are compared. Values: a method of `str`, called with (text, wanted), and whether case is ignored."""

    EQUALS = (str.__eq__, False)
    EQUALS_IGNORE_CASE = (str.__eq__, True)
    STARTS_WITH = (str.startswith, False)
    STARTS_WITH_IGNORE_CASE = (str.startswith, True)
    CONTAINS = (str.__contains__, False)
    CONTAINS_IGNORE_CASE = (str.__contains__, True)
    ENDS_WITH = (str.endswith, False)
    ENDS_WITH_IGNORE_CASE = (str.endswith, True)

    def __init__(self, compare: Callable[[str, str], bool], ignores_case: bool) -> None:
        self.compare = compare
        self.ignores_case = ignores_case

    def matches(self, text: str, wanted: str) -> bool:
        """Return whether `text` matches `wanted`; case is ignored under Unicode case folding."""
        return self.compare(text.casefold(), wanted.casefold()) if self.ignores_case else self.compare(text, wanted)


@dataclass(frozen=True, slots=True)
class NameQuery:
    """Targets whose name matches."""

    text: str
    method: TextMethod


@dataclass(frozen=True, slots=True)
class IdsQuery:
    """Targets with these ids."""

    ids: frozenset[str]


class TargetField(Enum):
    """The field that targets are sorted by. Ties are sorted by id, in the same direction; ids compare as numbers."""

    ID = "id"
    CREATION_DATE = "created_at_ns"
    CHANGE_DATE = "changed_at_ns"
    NAME = "name"
    """By code points."""
    TARGET_TYPE = "type"
    """By the stored value of the type: async, call, webhook."""
    URL = "endpoint"
    TIMEOUT = "timeout_ns"
    ASYNC = "is_async"
    """Targets that are waited for come before background ones."""
    INTERRUPT_ON_ERROR = "interrupt_on_error"


@dataclass(frozen=True, slots=True)
class TargetQuery:
    """A list of targets that match all filters."""

    page: PageRequest = PageRequest()
    field: TargetField = TargetField.ID
    filters: tuple[NameQuery | IdsQuery, ...] = ()


@dataclass(frozen=True, slots=True)
class ConditionsQuery:
    """Executions whose condition has one of these keys."""

    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class TypeQuery:
    """Executions of one type."""

    type: ExecutionType


@dataclass(frozen=True, slots=True)
class StepQuery:
    """Executions that contain this step directly: a target id, or the key of an included condition."""

    target_id: str | None = None
    include: str | None = None


@dataclass(frozen=True, slots=True)
class CallsQuery:
    """Executions that call this target, by a step of their own or by one of an execution that they include."""

    target_id: str


@dataclass(frozen=True, slots=True)
class HasStepsQuery:
    """Executions that have a step."""


ExecutionFilter = ConditionsQuery | TypeQuery | StepQuery | CallsQuery | HasStepsQuery


class ExecutionField(Enum):
    """The field that executions are sorted by. Ties are sorted by key, in the same direction."""

    KEY = "key"
    CREATION_DATE = "created_at_ns"
    CHANGE_DATE = "changed_at_ns"


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """A list of executions that match all filters."""

    page: PageRequest = PageRequest()
    filters: tuple[ExecutionFilter, ...] = ()
    field: ExecutionField = ExecutionField.KEY


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Deliveries that match all that is given. None, and no state, match everything."""

    target_id: str | None = None
    event_type: str | None = None
    aggregate_type: str | None = None
    aggregate_id: str | None = None
    """As the owner knows it: the event's `public_aggregate_id`."""
    states: frozenset[DeliveryState] = frozenset()
    from_ms: int | None = None
    """Created at this moment or later: milliseconds since the epoch."""
    until_ms: int | None = None
    """Created before this moment."""
    put_off_ms: int | None = None
    """Of those that are waiting, only those that are due after this moment, and are not being attempted."""

    def matches(self, delivery_id: int, target_id: str, state: DeliveryState, event: Event | None) -> bool:
        """Return whether a delivery of an event to a target matches, in this state."""
        values = (
            (self.target_id, target_id),
            (self.event_type, event and event.type),
            (self.aggregate_type, event and event.aggregate_type),
            (self.aggregate_id, event and event.public_aggregate_id),
        )
        return (
            all(wanted is None or wanted == value for wanted, value in values)
            and (not self.states or state in self.states)
            and (self.from_ms is None or delivery_id >= first_id(self.from_ms))
            and (self.until_ms is None or delivery_id < first_id(self.until_ms))
        )


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """A page of the deliveries that match, the newest first."""

    filter: DeliveryFilter = DeliveryFilter()
    limit: int = MAX_PAGE_SIZE
    before_id: int | None = None
    """The id that the page before it ended with."""


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery with its event, for a reader. Of a delivered one, only what its last attempt tells is known."""

    delivery: Delivery
    event: Event | None
    """None if it has been pruned."""
    is_claimed: bool = False
    """Whether it is being attempted."""


@dataclass(frozen=True, slots=True)
class TargetReport:
    """What is known of a target's deliveries."""

    health: TargetHealth | None
    """None for a healthy target."""
    last_ok_ms: int | None
    """When the last attempt that delivered one of its newest deliveries began, as far as attempts are kept."""
    unfinished: Mapping[DeliveryState, int]
    """How many unfinished deliveries it has, by state."""

"""Lists: what may be asked of a store, and what it answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from actiond.actions.conditions import ExecutionType
from actiond.actions.errors import LimitTooHighError

T = TypeVar("T")

DEFAULT_LIMIT = 100
MOST = 1_000
"""No page is longer."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list."""

    offset: int = 0
    limit: int = DEFAULT_LIMIT
    ascending: bool = False


def page(offset: int, limit: int, *, ascending: bool) -> Page:
    """A page as a caller asks for it, who may leave the limit 0. Raises LimitTooHighError."""
    if limit > MOST:
        raise LimitTooHighError
    return Page(offset, limit or DEFAULT_LIMIT, ascending)


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """A page, and what it was cut from, all as of one moment."""

    items: Sequence[T]
    total: int
    """All that match."""
    position: int
    """The number of the store's last event, 0 before the first."""
    at_ns: int
    """When that was added."""


class TextMethod(Enum):
    """How a text is compared. The value of each is the test, which is `str`'s: (text, wanted)."""

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

    def holds(self, text: str, wanted: str) -> bool:
        """Whether `text` compares so to `wanted`; case is ignored under Unicode case folding."""
        return self.compare(text.casefold(), wanted.casefold()) if self.ignores_case else self.compare(text, wanted)


@dataclass(frozen=True, slots=True)
class NameQuery:
    """Targets whose name compares so."""

    text: str
    method: TextMethod


@dataclass(frozen=True, slots=True)
class IdsQuery:
    """Targets of these ids."""

    ids: frozenset[str]


class TargetField(Enum):
    """What targets are sorted by; those that are equal in it by id, in the same direction. Ids compare as numbers."""

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
    """Those that are waited for before those that are not."""
    INTERRUPT_ON_ERROR = "interrupt_on_error"


@dataclass(frozen=True, slots=True)
class TargetQuery:
    """A list of targets: all filters must hold."""

    page: Page = Page()
    field: TargetField = TargetField.ID
    filters: tuple[NameQuery | IdsQuery, ...] = ()


@dataclass(frozen=True, slots=True)
class ConditionsQuery:
    """Executions of these conditions, by key."""

    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class TypeQuery:
    """Executions of one type."""

    type: ExecutionType


@dataclass(frozen=True, slots=True)
class StepQuery:
    """Executions that have this step themselves: a target's id, or an include's key."""

    target_id: str | None = None
    include: str | None = None


@dataclass(frozen=True, slots=True)
class ExecutionQuery:
    """A list of executions, sorted by key: all filters must hold."""

    page: Page = Page()
    filters: tuple[ConditionsQuery | TypeQuery | StepQuery, ...] = ()

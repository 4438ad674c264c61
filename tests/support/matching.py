"""Match conditions without CEL, for tests of what uses them."""

from dataclasses import dataclass

from actiond.actions.errors import MatchInvalidError
from actiond.actions.ports import MatchCondition, MatchFacts


@dataclass(frozen=True)
class PathPart:
    """Is met by calls whose method contains a text."""

    text: str

    def is_met(self, facts: MatchFacts) -> bool:
        return self.text in facts.method

    def fault(self, facts: MatchFacts) -> str:
        return ""


class PathParts:
    """Compiles expressions, each of which is a part of a method's path."""

    def check(self, expression: str) -> None:
        if not expression.isalpha():
            raise MatchInvalidError(1, 1, "no letters")

    def compiled(self, expression: str) -> MatchCondition:
        return PathPart(expression)

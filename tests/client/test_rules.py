"""What is remembered of what is set, and for how long."""

from dataclasses import dataclass, field

from actiond_protos.actiond.v1.execution_service_pb2 import SetExecutions
from hypothesis import given
from hypothesis import strategies as st

from actiond.client.interceptors.rules import MAX_METHODS, NOTHING, SILENCE, Rule, Rules

METHOD = "/shop.v1.Shop/Place"


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def said(revision: int, *, request: bool = False, response: bool = False) -> SetExecutions:
    return SetExecutions(request=request, response=response, revision=revision)


def watched(revision: int = 1) -> tuple[Rules, Clock]:
    """Return rules with a watch that has said a revision."""
    clock = Clock()
    rules = Rules(clock)
    rules.watch_began()
    rules.heard(revision)
    return rules, clock


def test_an_answer_is_remembered_while_the_watch_is_heard() -> None:
    rules, clock = watched()
    rules.learn(METHOD, said(1, response=True), rules.watch_number)
    for _ in range(10):
        clock.now += 0.9 * SILENCE
        assert rules.find(METHOD) == Rule(request=False, response=True)
        rules.heard(1)


def test_that_nothing_is_set_is_one_object() -> None:
    rules, _ = watched()
    assert rules.learn(METHOD, said(1), rules.watch_number) is NOTHING
    assert rules.find(METHOD) is NOTHING


def test_a_silent_watch_is_not_trusted() -> None:
    rules, clock = watched()
    rules.learn(METHOD, said(1), rules.watch_number)
    clock.now += SILENCE
    assert rules.find(METHOD) is None


def test_a_watch_that_is_heard_again_is_trusted_again() -> None:
    rules, clock = watched()
    rules.learn(METHOD, said(1), rules.watch_number)
    clock.now += 2 * SILENCE
    rules.heard(1)
    assert rules.find(METHOD) is NOTHING


def test_a_higher_revision_ends_what_was_said_before_it() -> None:
    rules, _ = watched()
    rules.learn(METHOD, said(1), rules.watch_number)
    rules.heard(2)
    assert rules.find(METHOD) is None


def test_an_answer_that_is_ahead_of_the_watch_outlives_the_watch_reaching_it() -> None:
    rules, _ = watched()
    rules.learn(METHOD, said(3), rules.watch_number)
    rules.heard(2)
    rules.heard(3)
    assert rules.find(METHOD) is NOTHING
    rules.heard(4)
    assert rules.find(METHOD) is None


def test_an_answer_that_is_behind_the_watch_is_not_remembered() -> None:
    rules, _ = watched(2)
    assert rules.learn(METHOD, said(1), rules.watch_number) is NOTHING
    assert rules.find(METHOD) is None


def test_the_end_of_the_watch_ends_what_was_said() -> None:
    rules, _ = watched()
    rules.learn(METHOD, said(1), rules.watch_number)
    rules.watch_ended()
    assert rules.find(METHOD) is None


def test_an_answer_asked_for_during_another_watch_is_not_remembered() -> None:
    rules, _ = watched(500)
    number = rules.watch_number
    rules.watch_ended()
    rules.watch_began()
    rules.heard(3)  # of a database that begins anew
    rules.learn(METHOD, said(500), number)
    assert rules.find(METHOD) is None


def test_methods_that_strangers_name_do_not_fill_the_memory() -> None:
    rules, _ = watched()
    for number in range(3 * MAX_METHODS):
        rules.learn(f"/any.Service/Method{number}", said(1), rules.watch_number)
    assert len(rules._rules) <= MAX_METHODS


@dataclass
class Model:
    """What may be trusted, said in the plainest way: everything since the watch began is kept, and looked through."""

    heard: list[tuple[float, int]] = field(default_factory=list)
    learned: list[int] = field(default_factory=list)
    """Revisions of the answers about METHOD that were asked for during this watch, with none heard that is higher."""

    def may_find(self, now: float) -> bool:
        if not self.heard or now - self.heard[-1][0] >= SILENCE:
            return False
        return any(revision >= self.heard[-1][1] for revision in self.learned)


STEPS = st.one_of(
    st.tuples(st.just("heard"), st.integers(1, 5)),
    st.tuples(st.just("learn"), st.integers(1, 5)),
    st.tuples(st.just("late"), st.integers(1, 5)),
    st.tuples(st.just("wait"), st.sampled_from([0.3, 0.6, 1.2])),
    st.tuples(st.just("ended"), st.none()),
)


@given(st.lists(STEPS, max_size=30))
def test_whatever_happens_nothing_is_found_that_may_not_be_trusted(steps: list[tuple[str, float]]) -> None:
    rules, clock = watched()
    model = Model([(clock.now, 1)])
    previous = rules.watch_number - 1
    for name, value in steps:
        if name == "heard":
            rules.heard(int(value))
            model.heard.append((clock.now, int(value)))
        elif name == "learn":
            rules.learn(METHOD, said(int(value)), rules.watch_number)
            model.learned.append(int(value))
        elif name == "late":
            rules.learn(METHOD, said(int(value)), previous)
        elif name == "wait":
            clock.now += value
        else:
            previous = rules.watch_number
            rules.watch_ended()
            rules.watch_began()
            model = Model()
        if rules.find(METHOD) is not None:
            assert model.may_find(clock.now)

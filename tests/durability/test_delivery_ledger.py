"""kill -9 of workers, parent and receiver at random moments while events are delivered: the books balance every time.

Published = delivered + unfinished + dead, by the database and by the receiver's own log. `ledger_run.py` does the same
for many rounds, and prints figures.
"""

import pytest

from tests.durability.delivery_audit import Audit
from tests.durability.delivery_rounds import Plan, Rounds, Story

ROUNDS = 8
"""Takes some twenty seconds. `ledger_run.py` runs hundreds."""


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Story:
    workers = request.param
    return Rounds(tmp_path_factory.mktemp("ledger"), Plan(ROUNDS, workers, seed=workers)).run()


def found(story: Story, violation: str) -> list[object]:
    """Return what was found of a kind of violation, in all looks."""
    assert violation in Audit.__slots__
    return [one for audit in story.audits for one in getattr(audit, violation)]


def test_every_acknowledged_event_is_in_the_database(story: Story) -> None:
    assert found(story, "lost_events") == []


def test_an_event_that_is_published_twice_with_one_id_is_one_event(story: Story) -> None:
    assert found(story, "published_twice") == []


def test_a_batch_of_events_is_published_as_a_whole_or_not_at_all(story: Story) -> None:
    assert found(story, "torn_batches") == []


def test_every_event_is_delivered_or_unfinished_or_dead_for_each_of_its_targets(story: Story) -> None:
    assert found(story, "missing") == []
    assert story.last.expected > 100


def test_no_event_is_delivered_to_a_target_that_its_execution_did_not_name(story: Story) -> None:
    assert found(story, "unexpected") == []


def test_an_event_has_one_delivery_for_each_target(story: Story) -> None:
    assert found(story, "doubled") == []


def test_what_is_delivered_by_the_database_has_arrived(story: Story) -> None:
    assert found(story, "never_received") == []


def test_what_arrives_is_in_the_database_with_its_event(story: Story) -> None:
    assert found(story, "strangers") == []


def test_the_attempts_of_a_delivery_have_one_id_and_one_body(story: Story) -> None:
    assert found(story, "changed_bodies") == []


def test_no_attempt_is_sent_twice(story: Story) -> None:
    assert found(story, "sent_twice") == []


def test_what_has_arrived_is_sent_again_only_if_its_claim_was_lost(story: Story) -> None:
    assert found(story, "needless_duplicates") == []
    assert story.last.duplicates <= story.last.claims_lost
    assert story.last.claims_lost > 0, "no kill hit an attempt"


def test_first_attempts_at_a_target_follow_the_sequence_of_their_aggregate(story: Story) -> None:
    assert found(story, "out_of_order") == []


def test_the_store_counts_what_there_is(story: Story) -> None:
    assert found(story, "miscounted") == []


def test_at_the_end_every_delivery_has_arrived_or_is_listed_as_dead(story: Story) -> None:
    assert story.undelivered == []
    assert story.last.unfinished == 0
    assert story.last.delivered + story.last.dead.total() == story.last.expected


def test_at_the_end_the_api_lists_what_is_delivered_and_what_is_dead(story: Story) -> None:
    assert story.unlisted == []


def test_everything_was_killed_in_the_middle_of_the_work(story: Story) -> None:
    assert set(story.kills) >= {"parent", "receiver"}
    assert [audit.unfinished for audit in story.audits[:-1] if audit.unfinished]
    assert story.lost_responses > 0


def test_the_log_holds_no_fault(story: Story) -> None:
    assert story.faults == []


def test_the_server_still_ends_cleanly(story: Story) -> None:
    assert story.exit_code == 0

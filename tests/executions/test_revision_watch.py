"""Following the revision of executions that another process changes."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path

import pytest

from actiond.actions.ports import Store
from actiond.executions.revision_watch import RevisionWatch
from actiond.storage.opening import open_store
from actiond.storage.urls import parse_database_url
from tests.support.samples import an_execution, put_execution
from tests.support.waiting import WAIT

PROMISED = 0.5
"""Seconds within which a change is seen, and something is heard."""
BUSY = 0.5
"""Seconds more that a busy machine may take."""


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[tuple[Store, Store]]:
    """The same database, opened by two as by two processes."""
    url = parse_database_url(f"sqlite:///{tmp_path}/actiond.db")
    opened = open_store(url), open_store(url)
    yield opened
    for store in opened:
        await store.close()


async def test_a_change_by_another_is_seen_soon_and_silence_is_short(stores: tuple[Store, Store]) -> None:
    watching, changing = stores
    seen: list[tuple[int, float]] = []

    async def follow() -> None:
        async with aclosing(RevisionWatch(watching)("owner")) as revisions:
            async for revision in revisions:
                seen.append((revision, time.monotonic()))  # noqa: PERF401  # it is looked at meanwhile

    async def until_seen(count: int) -> None:
        async with asyncio.timeout(WAIT):
            while len(seen) < count:  # noqa: ASYNC110  # it is told to nobody
                await asyncio.sleep(0.005)

    async with asyncio.TaskGroup() as group:
        following = group.create_task(follow())
        await until_seen(1)
        for sequence in range(1, 5):
            await changing.write(put_execution(an_execution("request", sequence=sequence)))
            changed, before = time.monotonic(), seen[-1][0]
            async with asyncio.timeout(WAIT):
                while seen[-1][0] == before:  # noqa: ASYNC110  # likewise
                    await asyncio.sleep(0.005)
            assert seen[-1][1] - changed < PROMISED + BUSY
        await until_seen(len(seen) + 3)
        following.cancel()
    revisions = [revision for revision, _ in seen]
    assert revisions == sorted(revisions)
    assert len(set(revisions)) == 5
    moments = [moment for _, moment in seen]
    assert max(later - earlier for earlier, later in pairwise(moments)) < PROMISED + BUSY

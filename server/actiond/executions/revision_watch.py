"""Follows the revision of an owner's executions, in whichever process it changes, for those who cache what runs."""

import asyncio
from collections.abc import AsyncGenerator

from actiond.actions.ports import Store

POLL_SECONDS = 0.2
"""How often the store is asked."""
HEARTBEAT_POLLS = 2
"""After so many polls the same revision is repeated. Who hears nothing for longer must not trust its cache."""


class RevisionWatch:
    """Asks the store, which is cheap: one look-up by an owner's id."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, owner: str) -> AsyncGenerator[int, None]:
        """Yield the revision now, after each change and while nothing changes. Does not end. Raises StoreError."""
        last, silent_polls = -1, 0
        while True:
            revision = await self._store.execution_revision(owner)
            silent_polls += 1
            if revision != last or silent_polls >= HEARTBEAT_POLLS:
                last, silent_polls = revision, 0
                yield revision
            await asyncio.sleep(POLL_SECONDS)

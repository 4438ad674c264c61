"""A process that writes targets to a SQLite store and prints each id once it is acknowledged.

python -m tests.storage.writing DATABASE PREFIX COUNT
"""
# ruff: noqa: T201, what it prints is what it is for

import asyncio
import sys
from pathlib import Path

from actiond.storage.sqlite import SqliteStore
from tests.support.samples import a_target, insert

CLIENTS = 8


async def write(path: Path, prefix: str, count: int) -> None:
    """The first line is the worker number that the store gave to this process."""
    store = SqliteStore.open(path)
    print("worker", await store.write(lambda transaction: transaction.instance.next_worker_number()), flush=True)
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            target = a_target(f"{prefix}{number}", f"name {prefix}{number}")
            print("target", await store.write(insert(target)), flush=True)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    await store.close()


if __name__ == "__main__":
    asyncio.run(write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))

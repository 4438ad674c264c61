"""Calls of 10 bytes to 1.5 MB through Envoy, each of which a target changes twice: `python -m tests.gates.mixed`."""

import argparse
import random
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.proxied.clients import SECONDS, channel
from tests.support.proxied.shop import PLACE, order, order_class, receipt_class
from tests.support.proxied.system import System
from tests.support.targets.answers import ok

BODY = 2 * 1024 * 1024
THREADS = 8
WHOLE = "changed and whole"


def run_mixed(directory: Path, calls: int, seed: int) -> Counter[str]:
    """Make calls of 10 bytes to 1.5 MB through Envoy, each of which a target changes; return how they end."""
    edits = [
        lambda text: text.replace("initial_stream_window_size: 1048581", f"initial_stream_window_size: {BODY + 5}")
    ]
    ends: Counter[str] = Counter()
    lock = threading.Lock()
    with System(directory, "--max-body", str(2 * BODY), edits=edits) as system:
        system.targets.script("/change", ok(b'{"count": "7"}'))
        for kind in ("request", "response"):
            system.set(kind, PLACE, system.target("/change"))

        def load(number: int) -> None:
            dice = random.Random(seed + number)  # noqa: S311  # no secret
            with channel(system.port) as connection:
                method: Any = connection.unary_unary(
                    PLACE,
                    request_serializer=order_class().SerializeToString,
                    response_deserializer=receipt_class().FromString,
                )
                for _ in range(calls // THREADS):
                    # As many small ones as large ones, by their order of magnitude.
                    data = dice.randbytes(int(10 ** dice.uniform(1, 6.17)))
                    receipt = method(order(id="1", data=data), timeout=SECONDS)
                    is_good = receipt.count == 7 and receipt.data == data
                    with lock:
                        ends[WHOLE if is_good else "wrong"] += 1

        with ThreadPoolExecutor(THREADS) as pool:
            for one in [pool.submit(load, number) for number in range(THREADS)]:
                one.result()
        assert {one.count for one in system.shop.orders} == {7}
    return ends


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="actiond-mixed-") as directory:
        ends = run_mixed(Path(directory), given.calls, seed=1)
    sys.stdout.write(f"{dict(ends)}\n")
    return 0 if set(ends) == {WHOLE} else 1


if __name__ == "__main__":
    sys.exit(main())

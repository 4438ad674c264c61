"""Many clients at once, over every protocol mixed."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.support.action_service import expect
from tests.support.action_service.connections import DIRECT, DRIVERS, Ports
from tests.support.action_service.model import Outcome
from tests.support.action_service.requests import create, get, request
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

CLIENTS = 64
ROUNDS = 3


@pytest.mark.parametrize("workers", [1, 2])
def test_of_64_clients_that_create_the_same_name_at_once_exactly_one_wins(
    workers: int, other_server: Callable[[int], ServerProcess]
) -> None:
    server = other_server(workers)
    ports = Ports(server.grpc_port, server.http_port)
    start = Barrier(CLIENTS, timeout=30)

    def race(number: int) -> list[Outcome]:
        _, connect = DRIVERS[DIRECT[number % len(DIRECT)]]
        driver = connect(ports, ADMIN_TOKEN)
        outcomes = []
        try:
            assert driver(get("1")).code == expect.NOT_FOUND
            for round_ in range(ROUNDS):
                start.wait()
                # In turns in small letters and in capitals, which make one name.
                name = f"race {round_}"
                outcomes.append(driver(create(request(name if number % 3 else name.upper()))))
        except BaseException:
            start.abort()
            raise
        finally:
            driver.close()
        return outcomes

    with ThreadPoolExecutor(CLIENTS) as pool:
        runs = list(pool.map(race, range(CLIENTS)))
    for outcomes in zip(*runs, strict=True):
        assert Counter(outcome.code for outcome in outcomes) == {0: 1, expect.ALREADY_EXISTS: CLIENTS - 1}
        for loser in outcomes:
            if loser.code != 0:
                assert (loser.message, loser.details) == (expect.NAME_TAKEN.message, expect.NAME_TAKEN.details)

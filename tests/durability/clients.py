"""Clients that create targets one after the other, over every protocol at once, until somebody stops them."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import CreateTargetRequest, CreateTargetResponse

from tests.durability.ledger import Ledger
from tests.support.action_service.connections import DIRECT, DRIVERS, Ports
from tests.support.action_service.drivers import Driver
from tests.support.action_service.requests import create
from tests.support.servers.actiond import ServerProcess

CANCELLED, UNAVAILABLE = 1, 14
CLIENTS_PER_PROTOCOL = 2
CALLS_PER_CONNECTION = 20


class RefusedError(Exception):
    """No answer, and a clean sign of it: the connection was refused or broke off, or the status is UNAVAILABLE."""


class CancelledCallError(RefusedError):
    """What grpcio makes of a call that reaches its server between the stop and the client's notice of it.

    Any grpc.aio server does so (grpc/grpc#41785). UNAVAILABLE would say that the call can be tried again, which it can.
    """


_REFUSALS = {("grpc", CANCELLED): CancelledCallError} | {(name, UNAVAILABLE): RefusedError for name in DIRECT}


def ask(name: str, driver: Driver, request: CreateTargetRequest) -> CreateTargetResponse:
    """One CreateTarget over the driver of that name. Raises RefusedError; any other end is a failure of the test."""
    try:
        outcome = driver(create(request))
    except ConnectionError as error:
        raise RefusedError from error
    refusal = _REFUSALS.get((name, outcome.code))
    if refusal is not None:
        raise refusal(outcome.message)
    assert outcome.code == 0, outcome
    assert isinstance(outcome.response, CreateTargetResponse)
    return outcome.response


def ask_until_refused(name: str, driver: Driver, ledger: Ledger) -> None:
    """A client that keeps its connection."""
    with closing(driver), suppress(RefusedError):
        while True:
            request = ledger.next_request()
            try:
                ledger.promise(request, ask(name, driver, request))
            except CancelledCallError:
                ledger.cancelled.append(request.name)
                raise


@contextmanager
def steady_clients(server: ServerProcess, token: str, ledger: Ledger) -> Iterator[None]:
    """Clients that ask until they are refused, which the block sees to. None of them may fail otherwise."""
    drivers = [(name, DRIVERS[name][1](ports_of(server), token)) for name in DIRECT * CLIENTS_PER_PROTOCOL]
    with ThreadPoolExecutor(len(drivers)) as pool:
        running = [pool.submit(ask_until_refused, name, driver, ledger) for name, driver in drivers]
        try:
            yield
        except BaseException:
            server.kill()
            raise
    _raise_failures(running)


@dataclass(slots=True)
class Fortune:
    """What a client that comes and goes met with."""

    refusals: int = 0
    longest_wait: float = 0.0
    """Seconds from one answer to the next, refusals between them included."""


@contextmanager
def changing_clients(server: ServerProcess, token: str, ledger: Ledger) -> Iterator[list[Fortune]]:
    """Clients that connect anew now and then, and after a refusal at once, while the block runs."""
    stop = threading.Event()
    names = DIRECT * CLIENTS_PER_PROTOCOL
    fortunes = [Fortune() for _ in names]
    with ThreadPoolExecutor(len(names)) as pool:
        running = [
            pool.submit(_come_and_go, name, ports_of(server), token, ledger, stop, fortune)
            for name, fortune in zip(names, fortunes, strict=True)
        ]
        try:
            yield fortunes
        finally:
            stop.set()
    _raise_failures(running)


def _come_and_go(name: str, ports: Ports, token: str, ledger: Ledger, stop: threading.Event, fortune: Fortune) -> None:
    answered = time.monotonic()
    while not stop.is_set():
        driver = DRIVERS[name][1](ports, token)
        try:
            for _ in range(CALLS_PER_CONNECTION):
                request = ledger.next_request()
                ledger.promise(request, ask(name, driver, request))
                before, answered = answered, time.monotonic()
                fortune.longest_wait = max(fortune.longest_wait, answered - before)
        except RefusedError:
            fortune.refusals += 1
        finally:
            driver.close()


def ports_of(server: ServerProcess) -> Ports:
    """Where it listens, as the drivers want it."""
    return Ports(server.grpc_port, server.http_port)


def _raise_failures(running: list[Future[None]]) -> None:
    for client in running:
        client.result()

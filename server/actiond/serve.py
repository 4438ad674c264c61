"""`actiond serve`, from its settings to its exit code: what comes before the workers, and how many there are."""

import asyncio
import os
from typing import TYPE_CHECKING, NoReturn

from actiond import announce, family, logs, signals
from actiond.actions.errors import StoreError
from actiond.encryption_keys import KeyFileError
from actiond.listeners import Listener, reserve_both
from actiond.metrics.memory import Memory
from actiond.settings import Settings, SettingsError
from actiond.supervisor import Supervisor

if TYPE_CHECKING:
    from actiond.preparation import HandOver

# actiond.worker and actiond.preparation, which load grpc and start threads, are imported where they run, and never in a
# supervisor.


def serve(settings: Settings) -> int:
    """Raises SettingsError when an address cannot be had or a file not be read, and KeyFileError."""
    for line in settings.warnings():
        announce.warn(line)
    grpc_at, http_at = reserve_both(settings)
    announce.warn_of_exposure((grpc_at, http_at))
    announce.allowed_addresses(settings.allow_addresses)
    logs.set_up(settings.log_level)
    signals.block()
    if settings.workers == 1:
        return _alone(settings, grpc_at, http_at)
    return _many(settings, grpc_at, http_at)


def _alone(settings: Settings, grpc_at: Listener, http_at: Listener) -> int:
    from actiond import worker

    hand_over = _hand_over(settings, grpc_at, http_at)
    _prepare(settings, hand_over)

    def ready() -> None:
        announce.serving((grpc_at, http_at))

    worker.run(settings, Memory(), 1, grpc_at, http_at, hand_over, ready, supervised=False)


def _many(settings: Settings, grpc_at: Listener, http_at: Listener) -> int:
    hand_over = _hand_over(settings, grpc_at, http_at)
    code = _prepare_in_child(settings, hand_over)
    if code != 0:
        return code

    memory = Memory(settings.workers)  # before the first fork, so that all of them have it

    def body(number: int, pipe: int) -> NoReturn:
        from actiond import worker

        worker.run(settings, memory, number, grpc_at, http_at, hand_over, lambda: _report(pipe), supervised=True)

    supervisor = Supervisor(settings.workers, settings.grace, body, lambda: announce.serving((grpc_at, http_at)))
    return supervisor.run()


def _hand_over(settings: Settings, grpc_at: Listener, http_at: Listener) -> "HandOver":
    return lambda token: announce.admin_token(token, settings.database, grpc_at, http_at)


def _report(pipe: int) -> None:
    os.write(pipe, b"1")


def _prepare(settings: Settings, hand_over: "HandOver") -> None:
    from actiond.preparation import prepare

    asyncio.run(prepare(settings, hand_over))


def _prepare_in_child(settings: Settings, hand_over: "HandOver") -> int:
    """The same from a process that is then gone, with every thread and library that it needed; its exit code."""

    def body(_pipe: int) -> NoReturn:
        try:
            _prepare(settings, hand_over)
        except StoreError as error:
            family.leave(announce.store_failure(error))
        except (announce.Failure, KeyFileError) as error:
            announce.fail(error)
            family.leave(1)
        except SettingsError as error:
            announce.fail(error)
            family.leave(2)
        family.leave(0)

    child = family.fork(body)
    os.close(child.pipe)
    _, status = os.waitpid(child.pid, 0)
    return os.waitstatus_to_exitcode(status)

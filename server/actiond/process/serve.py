"""`actiond serve`, from its settings to its exit code: what comes before the workers, and how many there are."""

import asyncio
import os
from typing import TYPE_CHECKING, NoReturn

from actiond.actions.errors import StoreError
from actiond.config.settings import Settings, SettingsError
from actiond.process import child_process, console, shutdown
from actiond.process.sockets import Listener, reserve_both
from actiond.process.supervisor import Supervisor
from actiond.secrets.encryption_keys import KeyFileError
from actiond.telemetry import logging
from actiond.telemetry.metrics.memory import Memory

if TYPE_CHECKING:
    from actiond.bootstrap import HandOver

# actiond.process.worker and actiond.bootstrap, which load grpc and start threads, are imported where they run,
# and never in a supervisor.


def serve(settings: Settings) -> int:
    """Raises SettingsError when an address cannot be had or a file not be read, and KeyFileError."""
    for line in settings.warnings():
        console.warn(line)
    grpc_at, http_at = reserve_both(settings)
    console.warn_of_exposure((grpc_at, http_at))
    console.allowed_addresses(settings.allow_addresses)
    logging.set_up(settings.log_level)
    shutdown.block()
    if settings.workers == 1:
        return _alone(settings, grpc_at, http_at)
    return _many(settings, grpc_at, http_at)


def _alone(settings: Settings, grpc_at: Listener, http_at: Listener) -> int:
    from actiond.process import worker

    hand_over = _hand_over(settings, grpc_at, http_at)
    _prepare(settings, hand_over)

    def ready() -> None:
        console.serving((grpc_at, http_at))

    worker.run(settings, Memory(), 1, grpc_at, http_at, hand_over, ready, supervised=False)


def _many(settings: Settings, grpc_at: Listener, http_at: Listener) -> int:
    hand_over = _hand_over(settings, grpc_at, http_at)
    code = _prepare_in_child(settings, hand_over)
    if code != 0:
        return code

    memory = Memory(settings.workers)  # before the first fork, so that all of them have it

    def body(number: int, pipe: int) -> NoReturn:
        from actiond.process import worker

        worker.run(settings, memory, number, grpc_at, http_at, hand_over, lambda: _report(pipe), supervised=True)

    supervisor = Supervisor(settings.workers, settings.grace, body, lambda: console.serving((grpc_at, http_at)))
    return supervisor.run()


def _hand_over(settings: Settings, grpc_at: Listener, http_at: Listener) -> "HandOver":
    return lambda token: console.admin_token(token, settings.database, grpc_at, http_at)


def _report(pipe: int) -> None:
    os.write(pipe, b"1")


def _prepare(settings: Settings, hand_over: "HandOver") -> None:
    from actiond.bootstrap import prepare

    asyncio.run(prepare(settings, hand_over))


def _prepare_in_child(settings: Settings, hand_over: "HandOver") -> int:
    """The same from a process that is then gone, with every thread and library that it needed; its exit code."""

    def body(_pipe: int) -> NoReturn:
        try:
            _prepare(settings, hand_over)
        except StoreError as error:
            child_process.leave(console.store_failure(error))
        except (console.Failure, KeyFileError) as error:
            console.fail(error)
            child_process.leave(1)
        except SettingsError as error:
            console.fail(error)
            child_process.leave(2)
        child_process.leave(0)

    child = child_process.fork(body)
    os.close(child.pipe)
    _, status = os.waitpid(child.pid, 0)
    return os.waitstatus_to_exitcode(status)

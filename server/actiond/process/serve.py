"""`actiond serve`, from its settings to its exit code: what comes before the workers, and how many there are."""

import asyncio
import os
from typing import NoReturn

from actiond.actions.errors import StoreError
from actiond.config.settings import Settings, SettingsError
from actiond.process import child_process, console, shutdown
from actiond.process.sockets import ReservedSocket, reserve_sockets
from actiond.process.supervisor import Supervisor
from actiond.secrets.admin_token import DeliverToken
from actiond.secrets.encryption_keys import KeyFileError
from actiond.telemetry import logging
from actiond.telemetry.metrics.memory import Memory

# actiond.process.worker and actiond.bootstrap, which load grpc and start threads, are imported where they run,
# and never in a supervisor.


def serve(settings: Settings) -> int:
    """Raises SettingsError when an address cannot be had or a file not be read, and KeyFileError."""
    for line in settings.warnings():
        console.warning(line)
    grpc_at, http_at = reserve_sockets(settings.listen)
    console.warn_of_exposure((grpc_at, http_at))
    console.allowed_addresses(settings.delivery.allow_addresses)
    logging.set_up(settings.telemetry.log_level)
    shutdown.block()
    if settings.process.workers == 1:
        return _alone(settings, grpc_at, http_at)
    return _many(settings, grpc_at, http_at)


def _alone(settings: Settings, grpc_at: ReservedSocket, http_at: ReservedSocket) -> int:
    from actiond.process import worker

    deliver_token = _deliver_token(settings, grpc_at, http_at)
    _prepare(settings, deliver_token)

    def ready() -> None:
        console.serving((grpc_at, http_at))

    worker.run(settings, Memory(), 1, grpc_at, http_at, deliver_token, ready, supervised=False)


def _many(settings: Settings, grpc_at: ReservedSocket, http_at: ReservedSocket) -> int:
    deliver_token = _deliver_token(settings, grpc_at, http_at)
    code = _prepare_in_child(settings, deliver_token)
    if code != 0:
        return code

    memory = Memory(settings.process.workers)  # before the first fork, so that all of them have it

    def body(number: int, pipe: int) -> NoReturn:
        from actiond.process import worker

        worker.run(settings, memory, number, grpc_at, http_at, deliver_token, lambda: _report(pipe), supervised=True)

    supervisor = Supervisor(
        settings.process.workers,
        settings.process.shutdown_grace_period,
        body,
        lambda: console.serving((grpc_at, http_at)),
    )
    return supervisor.run()


def _deliver_token(settings: Settings, grpc_at: ReservedSocket, http_at: ReservedSocket) -> DeliverToken:
    return lambda token: console.deliver_admin_token(token, settings.store.secrets_dir, grpc_at, http_at)


def _report(pipe: int) -> None:
    os.write(pipe, b"1")


def _prepare(settings: Settings, deliver_token: DeliverToken) -> None:
    from actiond.bootstrap import prepare

    asyncio.run(prepare(settings, deliver_token))


def _prepare_in_child(settings: Settings, deliver_token: DeliverToken) -> int:
    """The same from a process that is then gone, with every thread and library that it needed; its exit code."""

    def body(_pipe: int) -> NoReturn:
        try:
            _prepare(settings, deliver_token)
        except StoreError as error:
            child_process.exit_now(console.store_failure(error))
        except (console.Failure, KeyFileError) as error:
            console.error(error)
            child_process.exit_now(1)
        except SettingsError as error:
            console.error(error)
            child_process.exit_now(2)
        child_process.exit_now(0)

    child = child_process.spawn(body)
    os.close(child.pipe)
    _, status = os.waitpid(child.pid, 0)
    return os.waitstatus_to_exitcode(status)

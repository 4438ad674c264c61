"""`actiond serve`, from its settings to its exit code: what comes before the workers, and how many there are."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from signal import Signals
from typing import NoReturn

from actiond.actions.errors import StoreError
from actiond.config.settings import Settings, SettingsError
from actiond.process import child_process, console, open_files, service_manager, shutdown
from actiond.process.heartbeat import Heartbeats
from actiond.process.sockets import Sockets, reserve_sockets
from actiond.process.supervisor import Supervisor
from actiond.process.worker_spec import WorkerSpec
from actiond.secrets.encryption_keys import KeyFileError
from actiond.telemetry import standard_streams
from actiond.telemetry.metrics.memory import Memory

# actiond.bootstrap and of this package certificates and worker_process, which load grpc and start threads, are imported
# where they run, and never in a supervisor.


def serve(settings: Settings, warnings: Sequence[str] = ()) -> int:
    """Serve until a signal ends it, and return the exit code. Print the warnings before.

    Raise SettingsError when an address or a file that a setting names cannot be used, KeyFileError, and Failure.
    """
    open_files.raise_limit()
    return _start(settings, warnings, reserve_sockets(settings.listen))


def deliver(settings: Settings, warnings: Sequence[str] = ()) -> int:
    """Do the same for a process that only delivers events."""
    if not settings.store.database.traits.shared_by_processes:
        raise SettingsError(f"--database: {settings.store.database.kind}: belongs to the process that serves it")
    if not settings.queue.deliveries:
        raise SettingsError("--deliveries: 0 leaves nothing to do")
    path = settings.store.database.path
    if path is not None and not path.exists():
        raise StoreError(f"{path}: there is no such database")
    open_files.raise_limit()
    return _start(settings, warnings, Sockets())


def _start(settings: Settings, warnings: Sequence[str], sockets: Sockets) -> int:
    standard_streams.install(settings.telemetry.log_level)
    # grpc's native core would log by itself. It is loaded for its status codes, and serves nobody.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    for line in (*warnings, *settings.warnings()):
        console.warning(line)
    if not settings.tls.is_on:
        console.warn_of_exposure(sockets.reserved())
    console.allowed_addresses(settings.delivery.allow_addresses)
    shutdown.block()
    spec = WorkerSpec(
        settings=settings,
        sockets=sockets,
        memory=Memory(settings.process.workers),  # before the first fork, so that all workers share it
        heartbeats=Heartbeats(settings.process.workers),  # likewise
        number=1,
        deliver_token=partial(
            console.deliver_admin_token,
            data_dir=settings.store.secrets_dir,
            sockets=sockets,
            is_secure=settings.tls.is_on,
        ),
        ready=partial(_announce, sockets),
        supervised=settings.process.workers > 1,
    )
    return _supervise(spec) if spec.supervised else _run_alone(spec)


def _announce(sockets: Sockets) -> None:
    if sockets.reserved():
        console.serving(sockets.reserved())
    else:
        console.delivering()
    service_manager.notify(service_manager.READY)


def _run_alone(spec: WorkerSpec) -> int:
    from actiond.process import worker_process

    standard_streams.start()
    _prepare(spec)
    worker_process.run(spec)


def _supervise(spec: WorkerSpec) -> int:
    code = _prepare_in_child(spec)
    if code != 0:
        return code

    def body(number: int, pipe: int) -> NoReturn:
        from actiond.process import worker_process

        standard_streams.start()
        worker_process.run(replace(spec, number=number, ready=partial(os.write, pipe, b"1")))

    takes_reload = shutdown.takes_reload(can_reload=spec.settings.can_reload)
    passed_on = shutdown.RELOAD if takes_reload else frozenset[Signals]()
    grace_period = spec.settings.process.shutdown_grace_period
    return Supervisor(spec.heartbeats, grace_period, body, spec.ready, passed_on=passed_on).run()


def _prepare(spec: WorkerSpec) -> None:
    from actiond.bootstrap import prepare
    from actiond.process import certificates

    certificates.check(spec.settings.tls)
    asyncio.run(prepare(spec.settings, spec.deliver_token))


def _prepare_in_child(spec: WorkerSpec) -> int:
    """Prepare in a child process, which takes every thread and library that it needs with it. Return its exit code."""

    def body(_pipe: int) -> NoReturn:
        standard_streams.start()
        try:
            _prepare(spec)
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

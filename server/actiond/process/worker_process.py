"""A worker's process: one event loop, the application and its listeners on it, its signals and its exit code.

It knows nothing of other workers. Signals are blocked until it serves; one that came earlier arrives then, so that
nothing is ever left half started.
"""

import asyncio
import gc
import logging
import signal
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

import uvloop

from actiond.actions.errors import StoreError
from actiond.api.reflected_services import ReflectedServices
from actiond.app import Application, Surroundings
from actiond.process import child_process, console, service_manager, shutdown, watchdog
from actiond.process.certificates import Certificates
from actiond.process.heartbeat import beat_for_ever
from actiond.process.listener import Listener
from actiond.process.parts import Part, PartError
from actiond.process.shutdown import Shutdown
from actiond.process.worker import Worker
from actiond.process.worker_spec import WorkerSpec
from actiond.secrets.encryption_keys import KeyFileError
from actiond.telemetry import standard_streams

_log = logging.getLogger(__name__)

FAILED = 1
"""The exit code of a worker that did not start, or that broke down."""


def run(spec: WorkerSpec) -> NoReturn:
    """Serve until a shutdown is over, then end the process. The standard streams have been started."""
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(_serve(spec))
        code = 0
    except (StoreError, PartError, KeyFileError, console.Failure) as error:
        console.error(error)
        code = FAILED
    except Exception:  # noqa: BLE001  # the outermost frame: it goes to the log, on one line
        _log.exception("the worker failed")
        code = FAILED
    child_process.exit_now(code)


async def _serve(spec: WorkerSpec) -> None:
    settings, sockets, state = spec.settings, spec.sockets, Shutdown()
    streams = standard_streams.installed()
    if streams is None:
        raise RuntimeError("the standard streams are not installed")
    surroundings = Surroundings(spec.memory, spec.number, state.draining, streams.stderr.put)
    application = await Application.open(settings, spec.deliver_token, surroundings)
    certificates = Certificates.load(settings.tls) if sockets.reserved() else None
    listen = partial(application.listen, tls=None if certificates is None else certificates.reloader)
    reloading: list[Certificates | ReflectedServices] = [] if certificates is None else [certificates]
    if sockets.reserved():
        reloading += application.reflecting_parts()
    parts: list[Part] = [
        *application.parts(),
        *reloading,
        *(Listener(reserved, listen) for reserved in sockets.reserved()),
        *application.delivering_parts(),
    ]
    grace_period = settings.process.shutdown_grace_period
    worker = Worker(parts, state, grace_period)
    async with worker.started():
        _tune_garbage_collection()
        loop = asyncio.get_running_loop()
        for number, handler in state.handlers(supervised=spec.supervised).items():
            loop.add_signal_handler(number, handler)
        if shutdown.takes_reload(can_reload=bool(reloading)):
            for number in shutdown.RELOAD:
                loop.add_signal_handler(number, partial(_reload, reloading))
        shutdown.unblock()
        _begin_heartbeat(spec, loop)
        spec.ready()
        await worker.wait_for_shutdown()
        if not spec.supervised:
            service_manager.notify(service_manager.STOPPING)
        _kill_after(grace_period + shutdown.END_MARGIN)
        await worker.drain()
        shutdown.block()


def _reload(parts: Sequence[Certificates | ReflectedServices]) -> None:
    for part in parts:
        part.reload()
    if not parts:
        _log.info("SIGHUP: there is nothing to load again, neither certificates nor what --reflect names")


def _begin_heartbeat(spec: WorkerSpec, loop: asyncio.AbstractEventLoop) -> None:
    """Let somebody see whether the loop turns: the supervisor, or else this process and its service manager."""
    beat = partial(spec.heartbeats.beat, spec.number)
    if spec.supervised:
        beat_for_ever(loop, beat)
        return
    watchdog.watch_this_thread(partial(spec.heartbeats.count, spec.number), partial(child_process.exit_now, FAILED))

    def beat_and_tell() -> None:
        beat()
        service_manager.notify(service_manager.ALIVE)

    beat_for_ever(loop, beat_and_tell)


def _kill_after(seconds: float) -> None:
    """Let the kernel end the process if even its end hangs, with the loop or the interpreter blocked."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _tune_garbage_collection() -> None:
    """Freeze start-up objects out of the collector; calls create few cycles, so collect rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

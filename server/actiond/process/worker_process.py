"""A worker's process: one event loop, the application and its listeners on it, its signals and its exit code.

It knows nothing of other workers. Signals are blocked until it serves; one that came earlier arrives then, so that
nothing is ever left half started.
"""

import asyncio
import gc
import logging
import resource
import signal
from functools import partial
from typing import NoReturn

import uvloop

from actiond.actions.errors import StoreError
from actiond.app import Application
from actiond.process import child_process, console, shutdown
from actiond.process.certificates import Certificates
from actiond.process.listener import Listener
from actiond.process.parts import Part, PartError
from actiond.process.shutdown import Shutdown
from actiond.process.worker import Worker
from actiond.process.worker_spec import WorkerSpec
from actiond.secrets.encryption_keys import KeyFileError

_log = logging.getLogger(__name__)

FAILED = 1
"""The exit code of a worker that did not start, or that broke down."""
MAX_OPEN_FILES = 65_536
"""What the soft limit on file descriptors is raised to, as far as the hard limit allows."""


def run(spec: WorkerSpec) -> NoReturn:
    """Serve until a shutdown is over, then end the process."""
    _raise_file_limit()
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
    application = await Application.open(settings, spec.deliver_token, spec.memory, spec.number, state.draining)
    certificates = Certificates.load(settings.tls)
    listen = partial(application.listen, tls=None if certificates is None else certificates.reloader)
    parts: list[Part] = [
        *application.parts(),
        *([] if certificates is None else [certificates]),
        *(Listener(reserved, listen) for reserved in sockets.reserved()),
    ]
    grace_period = settings.process.shutdown_grace_period
    worker = Worker(parts, state, grace_period)
    async with worker.started():
        _tune_garbage_collection()
        loop = asyncio.get_running_loop()
        for number, handler in state.handlers(supervised=spec.supervised).items():
            loop.add_signal_handler(number, handler)
        if certificates is not None:
            for number in shutdown.RELOAD:
                loop.add_signal_handler(number, certificates.reload)
        shutdown.unblock()
        spec.ready()
        await worker.wait_for_shutdown()
        _kill_after(grace_period + shutdown.END_MARGIN)
        await worker.drain()
        shutdown.block()


def _kill_after(seconds: float) -> None:
    """Let the kernel end the process if even its end hangs, with the loop or the interpreter blocked."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _raise_file_limit() -> None:
    """Allow many connections. The usual soft limit of 1024 is there for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _tune_garbage_collection() -> None:
    """Freeze start-up objects out of the collector; calls create few cycles, so collect rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

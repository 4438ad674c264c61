"""One worker: a process with one event loop, both listeners on it, and the way it ends.

It knows nothing of other workers. Signals are blocked until it serves; one that came earlier is taken then, so that
nothing is ever left half started.
"""

import asyncio
import gc
import logging
import resource
import signal
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NoReturn

import grpc
import uvloop
from granian.constants import Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.server.embed import Server as HttpServer

from actiond.actions.errors import StoreError
from actiond.app import Application
from actiond.config.settings import Settings
from actiond.process import child_process, console, shutdown
from actiond.process.sockets import ReservedSocket, is_listening
from actiond.secrets.admin_token import DeliverToken
from actiond.secrets.encryption_keys import KeyFileError
from actiond.telemetry.metrics.memory import Memory

_log = logging.getLogger(__name__)

LISTEN_TIMEOUT = 10.0
"""Seconds for granian to begin; it needs a few milliseconds."""
LAST_ANSWERS = 1.0
"""Seconds for what was cancelled to say so to its clients."""
FAILED = 1
_NEVER = 86_400.0


class StartError(Exception):
    """A listener did not come up. Its text is one line."""


def run(
    settings: Settings,
    memory: Memory,
    number: int,
    grpc_at: ReservedSocket,
    http_at: ReservedSocket,
    deliver_token: DeliverToken,
    ready: Callable[[], None],
    *,
    supervised: bool,
) -> NoReturn:
    """Serves until told to stop, and ends the process. `ready` is called once both listeners take calls."""
    _raise_file_limit()
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(
            _serve(settings, memory, number, grpc_at, http_at, deliver_token, ready, supervised=supervised)
        )
        code = 0
    except (StoreError, StartError, KeyFileError) as error:
        console.error(error)
        code = FAILED
    except Exception:  # noqa: BLE001  # the outermost frame: it goes to the log, on one line
        _log.exception("the worker failed")
        code = FAILED
    child_process.exit_now(code)


async def _serve(
    settings: Settings,
    memory: Memory,
    number: int,
    grpc_at: ReservedSocket,
    http_at: ReservedSocket,
    deliver_token: DeliverToken,
    ready: Callable[[], None],
    *,
    supervised: bool,
) -> None:
    stages = shutdown.Shutdown()
    application = await Application.open(settings, deliver_token, memory, number)
    try:
        grpc_server = await _start_grpc(settings, application, grpc_at)
        http_server, http_served = await _start_http(settings, application, http_at)
        _tune_garbage_collection()
        # Only now: granian and grpcio have set what they set.
        loop = asyncio.get_running_loop()
        for number, handler in stages.handlers(supervised=supervised).items():
            loop.add_signal_handler(number, handler)
        shutdown.unblock()
        ready()
        await _first(stages.draining.wait(), http_served)
        if not stages.draining.is_set():
            raise StartError("the HTTP listener ended by itself")
        await _stop(settings.process.shutdown_grace_period, stages, application, grpc_server, http_server, http_served)
        shutdown.block()
    finally:
        await application.close()


async def _start_grpc(settings: Settings, application: Application, at: ReservedSocket) -> grpc.aio.Server:
    server = grpc.aio.server(
        options=(
            ("grpc.so_reuseport", 1),
            ("grpc.max_receive_message_length", settings.limits.max_body),
            # Of one connection. Calls at once, over all of them, are the gateway's to count.
            ("grpc.max_concurrent_streams", settings.limits.max_concurrent),
            # A peer that vanished without a word is noticed within a minute and a half.
            ("grpc.keepalive_time_ms", 60_000),
            ("grpc.keepalive_timeout_ms", 20_000),
            # Clients may ask after us as often; the default drops them for more than a ping in five minutes.
            ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
            ("grpc.keepalive_permit_without_calls", 1),
        )
    )
    application.add_to(server)
    try:
        server.add_insecure_port(str(at.address))
    except RuntimeError as error:
        raise StartError(f"gRPC cannot listen on {at.address}") from error
    await server.start()
    return server


async def _start_http(
    settings: Settings, application: Application, at: ReservedSocket
) -> tuple[HttpServer, "asyncio.Task[None]"]:
    server = HttpServer(
        application.rsgi,
        address=at.address.host,
        port=at.address.port,
        interface=Interfaces.RSGI,
        websockets=False,
        log_enabled=False,
        backlog=4096,
        # It counts connections, silent ones too: the bound on calls is the gateway's.
        backpressure=65_536,
        http1_settings=HTTP1Settings(
            # Also how long a connection may stay idle between two requests.
            header_read_timeout=round(settings.limits.read_timeout * 1000),
            max_buffer_size=64 * 1024,
        ),
        http2_settings=HTTP2Settings(
            keep_alive_interval=30_000,
            max_concurrent_streams=100,
            max_headers_size=64 * 1024,
            max_send_buffer_size=256 * 1024,
        ),
    )
    served = asyncio.create_task(server.serve())
    give_up = time.monotonic() + LISTEN_TIMEOUT
    while not is_listening(at.address):
        if served.done() or time.monotonic() > give_up:
            raise StartError(f"HTTP cannot listen on {at.address}")
        await asyncio.sleep(0.005)
    return server, served


async def _stop(
    grace: float,
    stages: shutdown.Shutdown,
    application: Application,
    grpc_server: grpc.aio.Server,
    http_server: HttpServer,
    http_served: "asyncio.Task[None]",
) -> None:
    """Both listeners close at once. What runs gets the grace, what still runs then is cancelled."""
    # If even this hangs, with the loop blocked or the interpreter, the kernel ends the process.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, grace + shutdown.END_MARGIN)
    _log.info("stopping: what runs may take %g s", grace)
    application.drain()
    # Once only and without a grace of its own: when a second stop has ended the server, a timeout in the first one
    # would touch it once more, and crash the process.
    grpc_stopped = asyncio.ensure_future(grpc_server.stop(_NEVER))
    http_server.stop()  # type: ignore[no-untyped-call]  # granian leaves it so
    # granian ends when every connection has its answer and is closed.
    stopped = {grpc_stopped, http_served}
    ended = asyncio.ensure_future(_end(stopped, application))
    await _first(ended, stages.grace_over.wait(), within=grace)
    if ended.done():
        return
    _log.warning("the grace is over: what still runs is cancelled")
    ended.cancel()
    if all(task.done() for task in stopped):
        return
    told = {asyncio.ensure_future(application.cancel()), asyncio.ensure_future(grpc_server.stop(None))}
    # Some time for the last answers to go out. A client that reads none is not waited for, nor is a stuck thread.
    done, _ = await asyncio.wait(stopped | told, timeout=LAST_ANSWERS)
    for task in done:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("while stopping", exc_info=error)


async def _end(stopped: Iterable["asyncio.Future[Any]"], application: Application) -> None:
    """Returns when both listeners have stopped, and the targets that the last calls have started are called."""
    for listener in stopped:
        await asyncio.shield(listener)
    await application.wait_for_targets()


async def _first(*awaitables: Awaitable[Any], within: float | None = None) -> None:
    """Waits until one of them is done. The others go on, unless they were coroutines: those are cancelled."""
    tasks = {asyncio.ensure_future(awaitable) for awaitable in awaitables}
    await asyncio.wait(tasks, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks.difference(awaitables):
        task.cancel()


def _raise_file_limit() -> None:
    """A connection is a file descriptor, and the usual soft limit of 1024 is there for programs that use select()."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65_536 if hard == resource.RLIM_INFINITY else min(hard, 65_536)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _tune_garbage_collection() -> None:
    """What the start left lives for ever, so it is never looked at again; and calls leave few cycles behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)

"""`actiond serve`, from its settings to its exit code: what comes before the workers, and how many there are."""

import asyncio
import os
from typing import TYPE_CHECKING, NoReturn

from server import announce, family, logs, signals
from server.actions.errors import StoreError
from server.listeners import Listener, reserve_both
from server.settings import Settings
from server.supervisor import Supervisor

if TYPE_CHECKING:
    from server.app import Application

# server.worker and server.app, which load grpc and start threads, are imported where they run: never in a supervisor.


def serve(settings: Settings) -> int:
    """Raises SettingsError when an address cannot be had."""
    for line in settings.warnings():
        announce.warn(line)
    grpc_at, http_at = reserve_both(settings)
    announce.warn_of_exposure((grpc_at, http_at))
    logs.set_up(settings.log_level)
    signals.block()
    if settings.workers == 1:
        return _alone(settings, grpc_at, http_at)
    return _many(settings, grpc_at, http_at)


def _alone(settings: Settings, grpc_at: Listener, http_at: Listener) -> int:
    from server import worker

    if settings.database.kind != "memory":
        token = _prepare(settings)
        if token is not None:
            announce.admin_token(token, settings.database, grpc_at, http_at)

    def ready(application: "Application") -> None:
        if application.prepared is not None and application.prepared.admin_token is not None:
            announce.admin_token(application.prepared.admin_token, settings.database, grpc_at, http_at)
        announce.serving((grpc_at, http_at))

    worker.run(settings, grpc_at, http_at, ready, supervised=False)


def _many(settings: Settings, grpc_at: Listener, http_at: Listener) -> int:
    code, token = _prepare_in_child(settings)
    if code != 0:
        return code
    if token is not None:
        announce.admin_token(token, settings.database, grpc_at, http_at)

    def body(pipe: int) -> NoReturn:
        from server import worker

        worker.run(settings, grpc_at, http_at, lambda _application: _report(pipe), supervised=True)

    supervisor = Supervisor(settings.workers, settings.grace, body, lambda: announce.serving((grpc_at, http_at)))
    return supervisor.run()


def _report(pipe: int) -> None:
    os.write(pipe, b"1")


def _prepare(settings: Settings) -> str | None:
    """The admin token's secret, when it was made just now."""
    from server.app import prepare

    return asyncio.run(prepare(settings)).admin_token


def _prepare_in_child(settings: Settings) -> tuple[int, str | None]:
    """The same from a process that is then gone, with every thread and library that it needed; and its exit code."""

    def body(pipe: int) -> NoReturn:
        try:
            os.write(pipe, (_prepare(settings) or "").encode())
        except StoreError as error:
            family.leave(announce.store_failure(error))
        family.leave(0)

    child = family.fork(body)
    with os.fdopen(child.pipe) as pipe:
        token = pipe.read()
    _, status = os.waitpid(child.pid, 0)
    return os.waitstatus_to_exitcode(status), token or None

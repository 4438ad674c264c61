"""The composition root: makes the objects that serve, and has the one list of what is public."""

import asyncio
import logging
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import grpc
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.rpc import code_pb2
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from actiond import __version__
from actiond.actions.errors import StoreError
from actiond.actions.ports import Store
from actiond.actions.tokens import Token
from actiond.actions.use_cases.executions import Executions
from actiond.actions.use_cases.targets import Targets
from actiond.actions.use_cases.tokens import Tokens
from actiond.api import permissions
from actiond.api.authentication import Authenticator
from actiond.api.execution_interceptor import BYPASS_HEADER, ExecutionInterceptor
from actiond.api.health import HealthServicer
from actiond.api.message_payload import Merger
from actiond.api.schema import make_catalogue
from actiond.api.served import ACTION_SERVICE, SERVICE_NAMES
from actiond.api.v3alpha import errors
from actiond.api.v3alpha.service import SIGNING_KEY, ActionService
from actiond.bootstrap import id_generator, prepare_store
from actiond.config.groups import ApiSettings, DeliverySettings, TelemetrySettings
from actiond.config.settings import Settings
from actiond.delivery.client import DeliveryLimits, TargetClient
from actiond.delivery.egress.policy import AddressGuard
from actiond.executions.plan_cache import Plans
from actiond.secrets import encryption_keys
from actiond.secrets.admin_token import DeliverToken
from actiond.secrets.sealing import Sealer, make_key
from actiond.storage.opening import open_store
from actiond.telemetry import target_log
from actiond.telemetry.access_log import AccessLog, as_json, as_text
from actiond.telemetry.line_writer import LineWriter
from actiond.telemetry.metrics.endpoint import MetricsEndpoint, holders
from actiond.telemetry.metrics.memory import Memory
from actiond.telemetry.metrics.null import NullMetrics
from actiond.telemetry.metrics.recorder import Metrics
from actiond.telemetry.target_log import CallLog
from rpcfront import Cors, Gateway, Info, Limits, refusal
from rpcfront.adapters.rsgi import RsgiApplication
from rpcfront.openapi import DOCUMENT_PATH, PAGE_PATH, read_comments
from rpcfront.protocols import connect_unary, rest
from rpcfront.reflection import reflected_pool
from rpcfront.router import Page
from rpcfront.transcoding.json.codec import Codec
from rpcfront.validation.rules import Rules

_log = logging.getLogger(__name__)

PROBES = ("/healthz", "/readyz")
"""Whether the process lives, and whether the store can be reached and no shutdown has begun."""
METRICS_PATH = "/metrics"
PUBLIC = (health.SERVICE_NAME, reflection.SERVICE_NAME, *PROBES, DOCUMENT_PATH, PAGE_PATH)
"""The one list of what is served without a token: services over native gRPC, and paths over HTTP. None of it is a
method of the gateway's. METRICS_PATH is one more, unless `--metrics` says otherwise."""

TRAILER_PREFIXES = (rest.TRAILER_PREFIX, connect_unary.TRAILER_PREFIX)
"""Before the names of trailing metadata that travel as headers."""

ACCESS_LOG_STYLES = {"text": as_text, "json": as_json}

T = TypeVar("T")


async def _nothing() -> None:
    """Do nothing: there is nothing to wait for, to cancel or to close."""


@dataclass(frozen=True, slots=True)
class ApplicationPart:
    """A part of a worker, see process/parts.py."""

    name: str
    close: Callable[[], Coroutine[Any, Any, object]]
    idle: Callable[[], Coroutine[Any, Any, object]] = _nothing
    cancel: Callable[[], Coroutine[Any, Any, object]] = _nothing

    async def start(self) -> None:
        """Do nothing: `Application.open` has opened it."""

    async def ended(self) -> None:
        """Wait for ever: it cannot end by itself."""
        await asyncio.Event().wait()

    def drain(self) -> None:
        """Do nothing: it drains as the listeners do, which give it all its work."""


@dataclass(frozen=True, slots=True)
class OpenStore:
    """The store, and what depends on it alone."""

    store: Store
    sealer: Sealer
    new_id: Callable[[], str]
    instance: str
    """The default owner's id, by which targets know this server."""


class Application:
    """One worker's services, from the store to what the listeners call."""

    def __init__(
        self, settings: Settings, opened: OpenStore, metrics: Metrics | NullMetrics, draining: asyncio.Event
    ) -> None:
        """Take what `open` has opened. Once `draining` is set, readiness and health say so."""
        self._store = opened.store
        self._draining = draining
        self._health = HealthServicer(SERVICE_NAMES, draining)
        self._access_log = _access_log(settings.telemetry)
        self._target_lines = LineWriter(sys.stderr.fileno(), "log of calls to targets")
        guard = AddressGuard(settings.delivery.allow_addresses, settings.delivery.deny_addresses)
        self._client = TargetClient(
            guard,
            opened.sealer,
            _delivery_limits(settings.delivery),
            f"actiond/{__version__}",
            _each(_target_log(settings.telemetry, self._target_lines), metrics.observe_target),
            observe_started=metrics.observe_started,
        )
        tokens = Tokens(opened.store, time.time_ns)
        service, interceptor = _domain(settings.api, opened, guard, self._client)
        self._gateway = Gateway(
            services=[(ACTION_SERVICE, service)],
            authenticate=Authenticator(tokens),
            translate=errors.to_status,
            success_code=permissions.success_code,
            probes=dict(zip(PROBES, (self._alive, self._ready), strict=True)),
            cors=_cors(settings.api),
            limits=Limits(settings.limits.max_body, settings.limits.read_timeout, settings.limits.max_concurrent),
            strict_json=settings.api.strict_json,
            interceptors=[interceptor],
            observe=_each(metrics.observe_call, *([] if self._access_log is None else [self._access_log])),
            pages=_pages(settings.telemetry, metrics, tokens),
            openapi=_openapi(),
        )

    @classmethod
    async def open(
        cls, settings: Settings, deliver_token: DeliverToken, memory: Memory, worker: int, draining: asyncio.Event
    ) -> "Application":
        """Open the store and, if it does not outlive this process, prepare it; `prepare` has prepared any other."""
        metrics = NullMetrics() if settings.telemetry.metrics == "none" else Metrics(memory, worker)
        store = open_store(settings.store.database, metrics.observe_batch)
        try:
            if not settings.store.database.traits.outlives_process:
                await prepare_store(store, settings.api.admin_token, deliver_token)
            keys = encryption_keys.in_use(settings.store.encryption_keys, settings.store.secrets_dir, may_create=False)
            instance = await store.write(lambda transaction: transaction.default_owner())
            opened = OpenStore(store, Sealer(keys), await id_generator(store), instance or "")
            return cls(settings, opened, metrics, draining)
        except BaseException:
            await store.close()
            raise

    @property
    def rsgi(self) -> RsgiApplication:
        """What granian calls."""
        return self._gateway.rsgi

    def add_to(self, server: grpc.aio.Server) -> None:
        """Register everything that native gRPC serves."""
        server.add_generic_rpc_handlers((self._gateway.grpc_handler,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (*SERVICE_NAMES, *(name for name in PUBLIC if not name.startswith("/")))
        reflection.enable_server_reflection(names, server, reflected_pool((*names, *errors.DETAIL_TYPES)))

    def parts(self) -> Sequence[ApplicationPart]:
        """Return the parts of a worker that the listeners need, each after those that it uses itself."""
        return (
            ApplicationPart("logs", close=self._close_logs),
            ApplicationPart("store", close=self._store.close),
            # Calls that an API call waits for end with it. `close` cuts the others.
            ApplicationPart("target client", idle=self._client.wait_idle, close=self._client.close),
            ApplicationPart("gateway", idle=self._gateway.wait_idle, cancel=self._cancel_calls, close=_nothing),
        )

    async def _cancel_calls(self) -> None:
        """Cancel the calls over HTTP that are still running, and wait until each has its last response."""
        self._gateway.stop()
        await self._gateway.wait_idle()

    async def _close_logs(self) -> None:
        if self._access_log is not None:
            self._access_log.close()
        self._target_lines.close()

    async def _alive(self) -> None:
        """Return: that the process responds is all there is to know."""

    async def _ready(self) -> None:
        if self._draining.is_set():
            raise refusal(code_pb2.UNAVAILABLE, "the server is shutting down")
        try:
            await self._store.ping()
        except StoreError:
            _log.exception("the store does not answer")
            raise refusal(code_pb2.UNAVAILABLE, "the store does not answer") from None


def _domain(
    api: ApiSettings, opened: OpenStore, guard: AddressGuard, client: TargetClient
) -> tuple[ActionService, ExecutionInterceptor]:
    """Make the service, and the interceptor that runs executions on its calls."""
    catalogue = make_catalogue(api.descriptor_sets, api.execution_functions)
    targets = Targets(opened.store, time.time_ns, opened.new_id, make_key(opened.sealer), guard.deny_reason)
    executions = Executions(opened.store, time.time_ns, catalogue)
    codec = Codec()
    merger = Merger(codec, Rules().violations)
    interceptor = ExecutionInterceptor(Plans(opened.store), client, codec, merger, opened.instance)
    return ActionService(targets, executions, catalogue), interceptor


def _cors(api: ApiSettings) -> Cors:
    return Cors(
        frozenset(api.cors_origins),
        (*api.cors_headers, BYPASS_HEADER),
        (*api.cors_expose_headers, *(f"{prefix}{SIGNING_KEY}" for prefix in TRAILER_PREFIXES)),
    )


def _pages(telemetry: TelemetrySettings, metrics: Metrics | NullMetrics, tokens: Tokens) -> dict[str, Page]:
    if isinstance(metrics, NullMetrics):
        return {}
    authorize = holders(tokens, permissions.READ_METRICS) if telemetry.metrics == "private" else None
    return {METRICS_PATH: MetricsEndpoint(metrics.render, metrics.content_type, authorize)}


def _access_log(telemetry: TelemetrySettings) -> AccessLog | None:
    style = ACCESS_LOG_STYLES.get(telemetry.access_log)
    return None if style is None else AccessLog(sys.stderr.fileno(), style, _owner)


def _target_log(telemetry: TelemetrySettings, lines: LineWriter) -> CallLog:
    style = target_log.as_json if telemetry.access_log == "json" else target_log.as_text
    return CallLog(lines.put, style, logging.getLevelName(telemetry.log_level.upper()))


def _each(*observers: Callable[[T], object]) -> Callable[[T], object]:
    """Return what calls each of the observers."""
    if len(observers) == 1:
        return observers[0]

    def observe(observed: T) -> None:
        for observer in observers:
            observer(observed)

    return observe


def _delivery_limits(delivery: DeliverySettings) -> DeliveryLimits:
    return DeliveryLimits(
        concurrent=delivery.max_target_calls,
        concurrent_per_target=delivery.max_calls_per_target,
        response_bytes=delivery.max_target_response,
    )


def _openapi() -> Info:
    """Return what the OpenAPI document says besides the routes."""
    # protoc's Python output has no comments; this has them.
    described = Path(action_service_pb2.__file__).parents[3] / "actiond.binpb"
    return Info(
        title="actiond",
        version=__version__,
        description="Targets, HTTP endpoints, and the executions that call them: ZITADEL's action v3alpha API.",
        comments=read_comments(described.read_bytes()),
        is_secure=True,
    )


def _owner(caller: Token) -> str:
    """Return what the access log says of a caller."""
    return caller.owner

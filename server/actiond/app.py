"""The composition root: the only module that names concrete classes, and the one list of what is public."""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

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
from actiond.telemetry.metrics.endpoint import MetricsPage, holders
from actiond.telemetry.metrics.memory import Memory
from actiond.telemetry.metrics.recorder import Metrics
from actiond.telemetry.target_log import CallLog
from rpcfront import Cors, Gateway, Info, Limits, Observe, refusal
from rpcfront.adapters.rsgi import RsgiApplication
from rpcfront.openapi import DOCUMENT_PATH, PAGE_PATH, read_comments
from rpcfront.protocols import connect_unary, rest
from rpcfront.reflection import reflected_pool
from rpcfront.router import Page, Probe
from rpcfront.transcoding.json.codec import Codec
from rpcfront.validation.rules import Rules

_log = logging.getLogger(__name__)

PROBES = ("/healthz", "/readyz")
"""They say that the process lives, and that the store answers and no drain has begun."""
METRICS_PATH = "/metrics"
PUBLIC = (health.SERVICE_NAME, reflection.SERVICE_NAME, *PROBES, DOCUMENT_PATH, PAGE_PATH)
"""The one list of what is answered without a token: services over native gRPC, and paths over HTTP. None of it is a
method of the gateway's. METRICS_PATH is one more, unless `--metrics` says otherwise."""

TRAILER_PREFIXES = (rest.TRAILER_PREFIX, connect_unary.TRAILER_PREFIX)
"""Before the names of trailing metadata that travel as headers."""

ACCESS_LOG_STYLES = {"text": as_text, "json": as_json}

T = TypeVar("T")


class Application:
    """One worker's services, from the store to the faces that the listeners call."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        new_id: Callable[[], str],
        sealer: Sealer,
        instance: str,
        metrics: Metrics | None,
    ) -> None:
        """`instance` is the default owner's id, by which targets know this server."""
        self._store = store
        self._draining = False
        self._health = HealthServicer(SERVICE_NAMES)
        style = ACCESS_LOG_STYLES.get(settings.telemetry.access_log)
        self._access_log = None if style is None else AccessLog(sys.stderr.fileno(), style, _owner)
        guard = AddressGuard(settings.delivery.allow_addresses, settings.delivery.deny_addresses)
        self._target_lines = LineWriter(sys.stderr.fileno(), "log of calls to targets")
        style_of_targets = target_log.as_json if settings.telemetry.access_log == "json" else target_log.as_text
        calls_log = CallLog(
            self._target_lines.put, style_of_targets, logging.getLevelName(settings.telemetry.log_level.upper())
        )
        self._client = TargetClient(
            guard,
            sealer,
            _delivery_limits(settings),
            f"actiond/{__version__}",
            calls_log if metrics is None else _each(calls_log, metrics.observe_target),
            observe_started=None if metrics is None else metrics.observe_started,
        )
        catalogue = make_catalogue(settings.api.descriptor_sets, settings.api.execution_functions)
        targets = Targets(store, time.time_ns, new_id, make_key(sealer), guard.deny_reason)
        probes: dict[str, Probe] = dict(zip(PROBES, (self._alive, self._ready), strict=True))
        codec = Codec()
        tokens = Tokens(store, time.time_ns)
        self._gateway = Gateway(
            services=[(ACTION_SERVICE, ActionService(targets, Executions(store, time.time_ns, catalogue), catalogue))],
            authenticate=Authenticator(tokens),
            translate=errors.to_status,
            success_code=permissions.success_code,
            probes=probes,
            cors=Cors(
                frozenset(settings.api.cors_origins),
                (*settings.api.cors_headers, BYPASS_HEADER),
                (*settings.api.cors_expose_headers, *(f"{prefix}{SIGNING_KEY}" for prefix in TRAILER_PREFIXES)),
            ),
            limits=Limits(settings.limits.max_body, settings.limits.read_timeout, settings.limits.max_concurrent),
            strict_json=settings.api.strict_json,
            interceptors=[
                ExecutionInterceptor(Plans(store), self._client, codec, Merger(codec, Rules().violations), instance)
            ],
            observe=_observer(self._access_log, metrics),
            pages=_pages(settings, metrics, tokens),
            openapi=_openapi(),
        )

    @classmethod
    async def open(cls, settings: Settings, deliver_token: DeliverToken, memory: Memory, worker: int) -> "Application":
        """Opens the store and, on `memory:`, prepares it; `prepare` has seen to any other."""
        metrics = None if settings.telemetry.metrics == "none" else Metrics(memory, worker)
        store = open_store(settings.store.database, None if metrics is None else metrics.observe_batch)
        try:
            if not settings.store.database.traits.outlives_process:
                await prepare_store(store, settings, deliver_token)
            sealer = Sealer(
                encryption_keys.in_use(settings.store.encryption_keys, settings.store.secrets_dir, may_create=False)
            )
            instance = await store.write(lambda transaction: transaction.default_owner())
            return cls(settings, store, await id_generator(store), sealer, instance or "", metrics)
        except BaseException:
            await store.close()
            raise

    @property
    def rsgi(self) -> RsgiApplication:
        """What granian calls."""
        return self._gateway.rsgi

    def add_to(self, server: grpc.aio.Server) -> None:
        """Registers everything that native gRPC serves."""
        server.add_generic_rpc_handlers((self._gateway.grpc_handler,))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (*SERVICE_NAMES, *(name for name in PUBLIC if not name.startswith("/")))
        reflection.enable_server_reflection(names, server, reflected_pool((*names, *errors.DETAIL_TYPES)))

    def drain(self) -> None:
        """Health is NOT_SERVING and /readyz 503 from now on, for those who send work here."""
        self._draining = True
        self._health.drain()

    async def wait_idle(self) -> None:
        """Returns when no HTTP call is running."""
        await self._gateway.wait_idle()

    async def wait_for_targets(self) -> None:
        """Returns when no target is being called for whose answer nobody waits."""
        await self._client.wait_idle()

    async def cancel(self) -> None:
        """Cancels the HTTP calls that are still running, and waits until each has been told so."""
        self._gateway.stop()
        await self.wait_idle()

    async def close(self) -> None:
        """Cuts what targets are still being called for, finishes what was handed to the store, and closes it."""
        await self._client.close()
        await self._store.close()
        if self._access_log is not None:
            self._access_log.close()
        self._target_lines.close()

    async def _alive(self) -> None:
        """The process answers: that is all there is to know."""

    async def _ready(self) -> None:
        if self._draining:
            raise refusal(code_pb2.UNAVAILABLE, "the server is shutting down")
        try:
            await self._store.ping()
        except StoreError:
            _log.exception("the store does not answer")
            raise refusal(code_pb2.UNAVAILABLE, "the store does not answer") from None


def _pages(settings: Settings, metrics: Metrics | None, tokens: Tokens) -> dict[str, Page]:
    if metrics is None:
        return {}
    authorize = holders(tokens, permissions.READ_METRICS) if settings.telemetry.metrics == "private" else None
    return {METRICS_PATH: MetricsPage(metrics.render, metrics.content_type, authorize)}


def _observer(access_log: AccessLog | None, metrics: Metrics | None) -> Observe | None:
    if metrics is None or access_log is None:
        return access_log if metrics is None else metrics.observe_call
    return _each(access_log, metrics.observe_call)


def _each(first: Callable[[T], object], second: Callable[[T], object]) -> Callable[[T], None]:
    """Tells both."""

    def tell(told: T) -> None:
        first(told)
        second(told)

    return tell


def _delivery_limits(settings: Settings) -> DeliveryLimits:
    return DeliveryLimits(
        concurrent=settings.delivery.max_target_calls,
        concurrent_per_target=settings.delivery.max_calls_per_target,
        response_bytes=settings.delivery.max_target_response,
    )


def _openapi() -> Info:
    """What the OpenAPI document says beside the routes."""
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
    """What the access log says of a caller."""
    return caller.owner

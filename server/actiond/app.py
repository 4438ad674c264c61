"""The composition root: the only module that names concrete classes, and the one list of what is public."""

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

import grpc
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from google.rpc import code_pb2
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from actiond import __version__
from actiond.actions.errors import StoreError
from actiond.actions.ports import Store
from actiond.actions.tokens import Caller
from actiond.actions.use_cases.executions import Executions
from actiond.actions.use_cases.targets import Targets
from actiond.actions.use_cases.tokens import Tokens
from actiond.api import permissions
from actiond.api.authentication import Authenticator, permission_holders
from actiond.api.execution_interceptor import ExecutionInterceptor
from actiond.api.health import HealthServicer
from actiond.api.message_payload import Merger
from actiond.api.permissions import BYPASS_HEADER
from actiond.api.schema import make_catalogue, read_descriptor_set
from actiond.api.served import ACTION_SERVICE, SERVICES
from actiond.api.v3alpha import errors
from actiond.api.v3alpha.service import SIGNING_KEY, ActionService
from actiond.bootstrap import id_generator, prepare_store
from actiond.config.settings import Settings
from actiond.delivery.client import DeliveryLimits, Egress, TargetClient
from actiond.delivery.egress.policy import AddressGuard
from actiond.delivery.observers import TargetObserver
from actiond.delivery.signer import Signer
from actiond.executions.plan_cache import PlanCache
from actiond.executions.runner import Runner
from actiond.secrets import encryption_keys
from actiond.secrets.admin_token import DeliverToken
from actiond.secrets.sealing import Sealer, make_key
from actiond.storage.opening import open_store
from actiond.telemetry.access_log import AccessLog
from actiond.telemetry.line_writer import LineWriter
from actiond.telemetry.metrics.endpoint import MetricsPage
from actiond.telemetry.metrics.memory import Memory
from actiond.telemetry.metrics.recorder import Metrics
from actiond.telemetry.metrics.target_observer import TargetMetrics
from actiond.telemetry.records import FORMATS
from actiond.telemetry.target_log import TargetLog
from rpcfront import (
    DOCS_PATH,
    DOCUMENT_PATH,
    TRAILER_PREFIXES,
    Cors,
    Gateway,
    Handler,
    Info,
    JsonCodec,
    Limits,
    Probe,
    RsgiApplication,
    Validator,
    read_comments,
    reflected_pool,
    status_error,
)

_log = logging.getLogger(__name__)

SERVICE_NAMES = tuple(service.full_name for service in SERVICES)

PROBES = ("/healthz", "/readyz")
"""They say that the process lives, and that the store answers and no drain has begun."""
METRICS_PATH = "/metrics"
PUBLIC = (health.SERVICE_NAME, reflection.SERVICE_NAME, *PROBES, DOCUMENT_PATH, DOCS_PATH)
"""The one list of what is answered without a token: services over native gRPC, and paths over HTTP. None of it is a
method of the gateway's. METRICS_PATH is one more, unless `--metrics` says otherwise."""


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
        access_log_format = FORMATS.get(settings.telemetry.access_log)
        self._access_log = (
            None if access_log_format is None else AccessLog(sys.stderr.fileno(), access_log_format, _owner)
        )
        guard = AddressGuard(settings.delivery.allow_addresses, settings.delivery.deny_addresses)
        self._target_lines = LineWriter(sys.stderr.fileno(), "log of calls to targets")
        format_record = FORMATS["json" if settings.telemetry.access_log == "json" else "text"]
        level = logging.getLevelName(settings.telemetry.log_level.upper())
        observers: list[TargetObserver] = [TargetLog(self._target_lines.put, format_record, level)]
        if metrics is not None:
            observers.append(TargetMetrics(metrics))
        egress = Egress(guard, Signer(sealer), f"actiond/{__version__}")
        self._client = TargetClient(egress, _delivery_limits(settings), observers)
        described = map(read_descriptor_set, settings.api.descriptor_sets)
        catalogue = make_catalogue(SERVICES, described, settings.api.execution_functions)
        targets = Targets(store, time.time_ns, new_id, make_key(sealer), guard.deny_reason)
        probes: dict[str, Probe] = dict(zip(PROBES, (self._alive, self._ready), strict=True))
        codec = JsonCodec()
        tokens = Tokens(store, time.time_ns)
        self._gateway = Gateway(
            services=[(ACTION_SERVICE, ActionService(targets, Executions(store, time.time_ns, catalogue), catalogue))],
            authenticate=Authenticator(tokens, SERVICES),
            translate=errors.translate,
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
                ExecutionInterceptor(
                    PlanCache(store), Runner(self._client), Merger(codec, Validator().violations), instance
                )
            ],
            observers=[observer for observer in (self._access_log, metrics) if observer is not None],
            handlers=_handlers(settings, metrics, tokens),
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
            instance = await store.write(lambda transaction: transaction.instance.default_owner())
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
            raise status_error(code_pb2.UNAVAILABLE, "the server is shutting down")
        try:
            await self._store.ping()
        except StoreError:
            _log.exception("the store does not answer")
            raise status_error(code_pb2.UNAVAILABLE, "the store does not answer") from None


def _handlers(settings: Settings, metrics: Metrics | None, tokens: Tokens) -> dict[str, Handler]:
    if metrics is None:
        return {}
    authorize = (
        permission_holders(tokens, permissions.READ_METRICS) if settings.telemetry.metrics == "private" else None
    )
    return {METRICS_PATH: MetricsPage(metrics.render, metrics.content_type, authorize)}


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


def _owner(caller: Caller) -> str:
    """What the access log says of a caller."""
    return caller.owner

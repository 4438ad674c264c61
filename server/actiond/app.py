"""The composition root: assembles the parts of a worker."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import actiond_protos
from google.protobuf.descriptor import ServiceDescriptor
from google.rpc import code_pb2

from actiond import __version__
from actiond.actions.errors import StoreError
from actiond.actions.ids import IdGenerator
from actiond.actions.ports import Store
from actiond.actions.tokens import Caller
from actiond.actions.use_cases.deliveries import Deliveries
from actiond.actions.use_cases.executions import Executions
from actiond.actions.use_cases.fan_out import EventFanOut
from actiond.actions.use_cases.matching import Matching
from actiond.actions.use_cases.public_keys import PublicKeys
from actiond.actions.use_cases.publishing import Publishing
from actiond.actions.use_cases.targets import NewestKeys, Targets
from actiond.actions.use_cases.tokens import Tokens
from actiond.api import errors, permissions
from actiond.api.authentication import Authenticator, permission_holders
from actiond.api.call_places import CallPlaces
from actiond.api.descriptor_sets import read_descriptor_sets
from actiond.api.execution_interceptor import ExecutionInterceptor
from actiond.api.ext_proc.call import Processor
from actiond.api.ext_proc.identity import IdentityRules
from actiond.api.ext_proc.methods import Methods
from actiond.api.ext_proc.notices import Notices
from actiond.api.ext_proc.servicer import EXTRA_BYTES, ExternalProcessor
from actiond.api.known_methods import KnownMethods
from actiond.api.matching.conditions import CelConditions
from actiond.api.message_payload import Merger
from actiond.api.method_executions import MethodExecutions
from actiond.api.openid import OpenidEndpoints
from actiond.api.permissions import BYPASS_HEADER
from actiond.api.reflected_services import ReflectedServices
from actiond.api.reflection_client import ReflectionServer
from actiond.api.schema import CurrentCatalogue
from actiond.api.served import (
    ACTION_SERVICE,
    ACTION_SERVICE_V2,
    ACTION_SERVICE_V2BETA,
    DELIVERY_SERVICE,
    EXECUTION_SERVICE,
    EXTERNAL_PROCESSOR,
    SERVICES,
    STRICT_PACKAGES,
)
from actiond.api.standard_services import StandardServices, description_services, health_services
from actiond.api.v1 import errors as v1_errors
from actiond.api.v1.called_methods import CalledMethods
from actiond.api.v1.dry_runs import DryRuns
from actiond.api.v1.execution_service import ExecutionService
from actiond.api.v1.functions import Functions
from actiond.api.v1.payloads import Payloads
from actiond.api.v1.service import DeliveryService
from actiond.api.v1.watching import Watches
from actiond.api.v2 import errors as v2_errors
from actiond.api.v2.service import ActionService as StableActionService
from actiond.api.v2.service import UseCases
from actiond.api.v2.signing_keys import withhold
from actiond.api.v3alpha import errors as v3alpha_errors
from actiond.api.v3alpha.service import ActionService
from actiond.api.zitadel_names import NO_NAMES, read_zitadel_names
from actiond.bootstrap import default_owner, prepare_instance_keys, prepare_store, worker_number
from actiond.client.signing_keys import SIGNING_KEY, WEBHOOK_SECRET
from actiond.config.groups import ApiSettings, DeliverySettings, QueueSettings, TelemetrySettings
from actiond.config.settings import Settings
from actiond.delivery.client import DeliveryLimits, Egress, TargetClient
from actiond.delivery.egress.policy import AddressGuard
from actiond.delivery.payload_encoder import PayloadEncoder
from actiond.delivery.signer import Signer
from actiond.executions.courier import Courier, CourierLimits, DeliveryPorts
from actiond.executions.delivery_watch import DeliveryWatch
from actiond.executions.dry_run import TargetInspector
from actiond.executions.function_executions import FunctionExecutions
from actiond.executions.keeper import Keeper
from actiond.executions.plan_cache import PlanCache
from actiond.executions.revision_watch import RevisionWatch
from actiond.executions.runner import Runner
from actiond.executions.target_test import TargetTester, TesterLimits
from actiond.secrets import encryption_keys
from actiond.secrets.admin_token import DeliverToken
from actiond.secrets.instance_key_ring import InstanceKeyRing
from actiond.secrets.jose import read_public_key
from actiond.secrets.sealing import Sealer, make_key, open_key
from actiond.storage.opening import open_store
from actiond.telemetry.access_log import AccessLog
from actiond.telemetry.metrics.memory import Memory
from actiond.telemetry.metrics.null import NullMetrics
from actiond.telemetry.metrics.recorder import Metrics
from actiond.telemetry.records import FORMATS, Put
from actiond.telemetry.target_log import TargetLog
from rpcfront import (
    TRAILER_PREFIXES,
    Authorize,
    ConnectionLimits,
    Cors,
    Gateway,
    Info,
    JsonCodec,
    Limits,
    Server,
    TlsReloader,
    Validator,
    read_comments,
    run_in_turn,
    status_error,
)

_log = logging.getLogger(__name__)

PROBES = ("/healthz", "/readyz")
"""Liveness: the process responds. Readiness: the store can be read and no shutdown has begun."""
METRICS_PATH = "/metrics"
"""Served without a token, unless `--metrics` says otherwise. The other paths of HTTP that are public are the probes,
DOCS_PATH, DISCOVERY_PATH and KEYS_PATH of api/openid.py, and unless `--api-docs` says otherwise, DOCUMENT_PATH; the
public methods are those of api/standard_services.py."""


_TRANSLATIONS = {
    ACTION_SERVICE: v3alpha_errors.translate,
    ACTION_SERVICE_V2: v2_errors.translate,
    ACTION_SERVICE_V2BETA: v2_errors.translate,
    DELIVERY_SERVICE: v1_errors.translate,
    EXECUTION_SERVICE: v1_errors.translate,
}


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
class Surroundings:
    """What an application has of its process."""

    memory: Memory
    """The metrics that all workers share."""
    worker: int
    """The worker's number, from 1."""
    draining: asyncio.Event
    """Once it is set, readiness and health checks report it."""
    put: Put
    """Writes the lines of the logs of calls."""


@dataclass(frozen=True, slots=True)
class OpenStore:
    """The store, and what depends on it alone."""

    store: Store
    sealer: Sealer
    fan_out: EventFanOut
    worker: int
    """A number of this process, which no other one has had."""
    new_id: Callable[[], str]
    instance: str
    """The default owner's id, which identifies this server to targets."""


@dataclass(frozen=True, slots=True)
class RunningParts:
    """What runs executions, whatever triggers them."""

    plans: PlanCache
    runner: Runner
    around: MethodExecutions
    inspector: TargetInspector
    matching: Matching


@dataclass(frozen=True, slots=True)
class ApiDocs:
    """The descriptions of the API that are served, and who may read them."""

    openapi: Info | None = None
    reflection: StandardServices = field(default_factory=list)
    permission: str | None = None
    """None if anyone may read them."""
    authorize: Authorize | None = None
    """The same for requests that are no calls."""


class Application:
    """One worker's services, from the store up to the applications that the listeners serve."""

    def __init__(
        self, settings: Settings, opened: OpenStore, metrics: Metrics | NullMetrics, surroundings: Surroundings
    ) -> None:
        """Take the store that `open` has opened."""
        self._store = opened.store
        self._draining = surroundings.draining
        self._connection_limits = ConnectionLimits(
            connections=settings.limits.max_connections, head_seconds=settings.limits.read_timeout
        )
        self._trusted_proxies = settings.tls.trusted_proxies
        health = health_services(SERVICES, self._draining, settings.limits.max_concurrent)
        key_ring = InstanceKeyRing(opened.store, opened.sealer)
        openid = OpenidEndpoints(key_ring, settings.api.external_url, settings.api.path_prefix)
        guard = AddressGuard(settings.delivery.allow_addresses, settings.delivery.deny_addresses)
        self._client = TargetClient(
            Egress(
                guard,
                Signer(opened.sealer),
                f"actiond/{__version__}",
                encoder=PayloadEncoder(key_ring, run_in_turn),
            ),
            _delivery_limits(settings.delivery),
            [_target_log(settings.telemetry, surroundings.put), *metrics.target_observers],
        )
        # The gauges of all workers are added up.
        counts = surroundings.worker == 1
        self._delivering = _delivering(settings.queue, opened, self._client, metrics, counts=counts)
        tokens = Tokens(opened.store, time.time_ns)
        is_private = settings.telemetry.metrics == "private"
        holders = permission_holders(tokens, permissions.READ_METRICS) if is_private else None
        docs = _api_docs(settings, tokens)
        sets = read_descriptor_sets(settings.api.descriptor_sets)
        known = KnownMethods(SERVICES, sets)
        servers = [ReflectionServer(str(server.address), server.is_tls) for server in settings.api.reflect]
        self._reflecting = (ReflectedServices(servers, known, sets),) if servers else ()
        names = read_zitadel_names() if settings.api.zitadel_conditions else NO_NAMES
        catalogue = CurrentCatalogue(known, settings.api.execution_functions, settings.api.event_types, names)
        running = _running(opened, self._client, settings.delivery.execution_budget_ms / 1000)
        max_calls = settings.limits.max_concurrent
        watches = Watches(DeliveryWatch(opened.store), self._draining, max_calls)
        processor = _external_processor(settings, known, running.around)
        deliveries = DeliveryService(
            Deliveries(opened.store, settings.queue.policy, metrics.delivery_metrics.died),
            Publishing(opened.store, time.time_ns, catalogue()),
            _tester(settings.queue, opened, self._client),
            watches,
            opened.instance,
        )
        self._gateway = Gateway(
            services=[
                *_action_services(opened, guard, catalogue),
                (DELIVERY_SERVICE, deliveries),
                (
                    EXECUTION_SERVICE,
                    _execution_service(
                        running,
                        Functions(FunctionExecutions(running.plans, running.runner), catalogue()),
                        CalledMethods(running.around, known, Payloads(), names.methods),
                        Watches(RevisionWatch(opened.store), self._draining, max_calls),
                    ),
                ),
                (EXTERNAL_PROCESSOR, processor),
                *health,
                *docs.reflection,
            ],
            authenticate=Authenticator(
                tokens,
                SERVICES,
                beside={descriptor: None for descriptor, _ in health}
                | {descriptor: docs.permission for descriptor, _ in docs.reflection},
                refusing_themselves={EXTERNAL_PROCESSOR: processor.not_authenticated},
            ),
            translate=errors.by_service(_TRANSLATIONS),
            success_code=permissions.success_code,
            probes=dict(zip(PROBES, (self._alive, self._ready), strict=True)),
            cors=_cors(settings.api),
            limits=Limits(settings.limits.max_body, settings.limits.read_timeout, max_calls),
            strict_json=settings.api.strict_json or STRICT_PACKAGES,
            interceptors=[ExecutionInterceptor(running.around, withhold)],
            observers=[*_access_logs(settings.telemetry, surroundings.put), *metrics.call_observers],
            handlers={**metrics.handlers(METRICS_PATH, holders), **openid.handlers()},
            places=CallPlaces(max_calls),
            openapi=docs.openapi,
            authorize_openapi=docs.authorize,
            extra_message_bytes={method.full_name: EXTRA_BYTES for method in EXTERNAL_PROCESSOR.methods},
        )

    @classmethod
    async def open(cls, settings: Settings, deliver_token: DeliverToken, surroundings: Surroundings) -> "Application":
        """Open the store, and prepare it if it does not outlive this process; `prepare` has prepared any other."""
        metrics = (
            NullMetrics() if settings.telemetry.metrics == "none" else Metrics(surroundings.memory, surroundings.worker)
        )
        store = open_store(settings.store.database, metrics.observe_batch)
        try:
            if not settings.store.database.traits.outlives_process:
                await prepare_store(store, settings.api.admin_token, deliver_token)
            keys = encryption_keys.in_use(settings.store.encryption_keys, settings.store.secrets_dir, may_create=False)
            sealer = Sealer(keys)
            if not settings.store.database.traits.outlives_process:
                await prepare_instance_keys(store, sealer, settings.delivery.jwt_algorithm)
            opened = await _opened(store, sealer)
            return cls(settings, opened, metrics, surroundings)
        except BaseException:
            await store.close()
            raise

    async def listen(self, host: str, port: int, tls: TlsReloader | None) -> Server:
        """Serve everything on an address, which other workers may share. Raises OSError."""
        return await self._gateway.listen(
            host,
            port,
            ssl=tls,
            limits=self._connection_limits,
            reuse_port=True,
            trusted_proxies=self._trusted_proxies,
        )

    def parts(self) -> Sequence[ApplicationPart]:
        """Return the parts that the listeners depend on, each after the parts that it depends on itself."""
        return (
            ApplicationPart("store", close=self._store.close),
            # A target call that an API call waits for ends with that call. `close` cancels background ones.
            ApplicationPart("target client", idle=self._client.wait_idle, close=self._client.close),
            ApplicationPart("gateway", idle=self._gateway.wait_idle, cancel=self._cancel_calls, close=_nothing),
        )

    def delivering_parts(self) -> Sequence[Courier | Keeper]:
        """Return the parts that deliver events. They start once the listeners take calls."""
        return self._delivering

    def reflecting_parts(self) -> Sequence[ReflectedServices]:
        """Return the parts that ask other servers what they serve. They start before the listeners do."""
        return self._reflecting

    async def _cancel_calls(self) -> None:
        """Cancel the calls over HTTP that are still running, and wait until each has sent its last response."""
        self._gateway.stop()
        await self._gateway.wait_idle()

    async def _alive(self) -> None:
        """Succeed: liveness asks only whether the process responds."""

    async def _ready(self) -> None:
        if self._draining.is_set():
            raise status_error(code_pb2.UNAVAILABLE, "the server is shutting down")
        try:
            await self._store.ping()
        except StoreError:
            # Anybody can ask: the store has logged it.
            raise status_error(code_pb2.UNAVAILABLE, "the store is unavailable") from None


async def _opened(store: Store, sealer: Sealer) -> OpenStore:
    worker = await worker_number(store)
    # Deliveries get their ids on the store's thread, so that two generators are needed, each with a number of its own.
    fan_out = EventFanOut(IdGenerator(await worker_number(store), time.time_ns))
    instance = await default_owner(store)
    return OpenStore(store, sealer, fan_out, worker, IdGenerator(worker, time.time_ns), instance or "")


def _delivering(
    queue: QueueSettings, opened: OpenStore, client: TargetClient, metrics: Metrics | NullMetrics, *, counts: bool
) -> Sequence[Courier | Keeper]:
    """Let the store enqueue deliveries, and return the parts that attempt them and keep them in order."""
    observer = metrics.delivery_metrics
    keeper = Keeper(opened.store, queue.policy, observer, opened.worker, counts=counts)
    if not queue.deliveries:
        opened.store.deliver(opened.fan_out, lambda: None)
        return (keeper,)
    limits = CourierLimits(
        attempts=queue.deliveries,
        per_target=queue.deliveries_per_target,
        timeout_ns=queue.delivery_timeout_ms * 1_000_000,
        poll_seconds=queue.delivery_poll_ms / 1000,
    )
    works_with = DeliveryPorts(opened.store, client, observer)
    courier = Courier(works_with, queue.policy, limits, instance=opened.instance, worker=opened.worker)
    opened.store.deliver(opened.fan_out, courier.wake)
    return courier, keeper


def _running(opened: OpenStore, client: TargetClient, budget: float) -> RunningParts:
    match_conditions = CelConditions()
    plans = PlanCache(opened.store, match_conditions)
    runner = Runner(client, budget, time.monotonic)
    merger = Merger(JsonCodec(), Validator().violations)
    return RunningParts(
        plans,
        runner,
        MethodExecutions(plans, runner, merger, opened.instance),
        TargetInspector(opened.store, client),
        Matching(opened.store, time.time_ns, match_conditions),
    )


def _action_services(
    opened: OpenStore, guard: AddressGuard, catalogue: CurrentCatalogue
) -> Sequence[tuple[ServiceDescriptor, object]]:
    """Return the versions of ZITADEL's ActionService, over the same targets and executions."""
    store, sealer = opened.store, opened.sealer
    targets = Targets(store, time.time_ns, opened.new_id, make_key(sealer), guard.endpoint_problem)
    executions = Executions(store, time.time_ns, catalogue)
    public_keys = PublicKeys(store, time.time_ns, opened.new_id, read_public_key)
    newest_keys = NewestKeys(store, open_key(sealer))
    stable = StableActionService(UseCases(targets, newest_keys, public_keys, executions, catalogue))
    return (
        (ACTION_SERVICE, ActionService(targets, executions, catalogue)),
        (ACTION_SERVICE_V2, stable),
        (ACTION_SERVICE_V2BETA, stable),
    )


def _execution_service(
    running: RunningParts, functions: Functions, called: CalledMethods, watches: Watches[[], int]
) -> ExecutionService:
    dry_runs = DryRuns(called, functions, running.around, running.inspector)
    return ExecutionService(called, functions, dry_runs, running.matching, watches)


def _external_processor(settings: Settings, known: KnownMethods, around: MethodExecutions) -> ExternalProcessor:
    """Return the service that runs executions around the calls that an Envoy proxies."""
    chosen = settings.ext_proc
    rules = IdentityRules(chosen.ext_proc_user_claim, chosen.ext_proc_org_claim, chosen.ext_proc_user_header)
    processor = Processor(around, Methods(known), rules, Notices(), settings.limits.max_body)
    return ExternalProcessor(processor, settings.limits.read_timeout)


def _tester(queue: QueueSettings, opened: OpenStore, client: TargetClient) -> TargetTester:
    limits = TesterLimits(opened.instance, opened.worker, queue.delivery_timeout_ms * 1_000_000)
    return TargetTester(opened.store, client, opened.new_id, limits)


def _cors(api: ApiSettings) -> Cors:
    keys = [f"{prefix}{name}" for name in (SIGNING_KEY, WEBHOOK_SECRET) for prefix in TRAILER_PREFIXES]
    return Cors(frozenset(api.cors_origins), (*api.cors_headers, BYPASS_HEADER), (*api.cors_expose_headers, *keys))


def _access_logs(telemetry: TelemetrySettings, put: Put) -> Sequence[AccessLog]:
    """Return the access log, or nothing if it is switched off."""
    chosen = FORMATS.get(telemetry.access_log)
    return () if chosen is None else (AccessLog(put, chosen, _owner),)


def _target_log(telemetry: TelemetrySettings, put: Put) -> TargetLog:
    chosen = FORMATS["json" if telemetry.access_log == "json" else "text"]
    return TargetLog(put, chosen, logging.getLevelName(telemetry.log_level.upper()))


def _delivery_limits(delivery: DeliverySettings) -> DeliveryLimits:
    return DeliveryLimits(
        concurrent=delivery.max_target_calls,
        concurrent_per_target=delivery.max_calls_per_target,
        response_bytes=delivery.max_target_response,
    )


def _api_docs(settings: Settings, tokens: Tokens) -> ApiDocs:
    if settings.api.api_docs == "none":
        return ApiDocs()
    reflection = description_services(SERVICES, errors.DETAIL_TYPES, settings.limits.max_concurrent)
    if settings.api.api_docs == "public":
        return ApiDocs(_openapi(settings.api), reflection)
    required = permissions.READ_API_DOCS
    return ApiDocs(_openapi(settings.api), reflection, required, permission_holders(tokens, required))


def _openapi(api: ApiSettings) -> Info:
    """Return what the OpenAPI document says besides the routes."""
    # protoc's Python output has no comments; the descriptor set has.
    described = files(actiond_protos) / "actiond.binpb"
    return Info(
        title="actiond",
        version=__version__,
        description="Targets, HTTP endpoints, and the executions that call them: the API of ZITADEL's actions.",
        comments=read_comments(described.read_bytes()),
        is_secure=True,
        prefix=api.path_prefix,
    )


def _owner(caller: Caller) -> str:
    """Return the resource owner that the access log shows for a caller."""
    return caller.owner

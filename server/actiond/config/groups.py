"""The settings, in groups: each is handed to the part of the program that it is for, and to no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from actiond.actions.deliveries import DeliveryPolicy
from actiond.actions.instance_keys import KeyAlgorithm
from actiond.config import setting_parsers as parsers
from actiond.config.setting import SettingsError, SettingsGroup, setting
from actiond.config.setting_parsers import Address, FailuresWithin, ServerAddress
from actiond.delivery.egress.networks import Network
from actiond.secrets import encryption_keys
from actiond.storage.urls import DatabaseUrl, parse_database_url

DATABASE_FILE = "actiond.db"
"""SQLite's file in the data directory, unless a URL names another."""


@dataclass(frozen=True, slots=True)
class ListenSettings(SettingsGroup):
    """The listening addresses. Each serves every protocol."""

    grpc_address: Address | None = setting(
        name="grpc-address",
        read=parsers.optional_address,
        help="a second address that serves everything, at the port where gRPC clients look for it; or none",
        default="127.0.0.1:50051",
        metavar="HOST:PORT",
    )
    http_address: Address = setting(
        name="http-address",
        read=parsers.address,
        help="where everything is served: JSON, Connect, gRPC-Web and gRPC",
        default="127.0.0.1:8080",
        metavar="HOST:PORT",
    )


def _no_file(_chosen: Mapping[str, object]) -> None:
    """Return the default of a file that need not be given. An empty path is none: it is refused."""


@dataclass(frozen=True, slots=True)
class TlsSettings(SettingsGroup):
    """TLS on the listening addresses, and the proxies that may stand in front of them."""

    tls_cert: Path | None = setting(
        name="tls-cert",
        read=parsers.file,
        help="PEM file of the server's certificate, with the intermediate ones after it; both addresses are served with"
        " TLS then",
        derive=_no_file,
        metavar="FILE",
    )
    tls_key: Path | None = setting(
        name="tls-key",
        read=parsers.file,
        help="PEM file of the certificate's key, not encrypted, which only its owner may read",
        derive=_no_file,
        metavar="FILE",
    )
    tls_client_ca: Path | None = setting(
        name="tls-client-ca",
        read=parsers.file,
        help="PEM file of the authorities that clients' certificates are verified against",
        derive=_no_file,
        metavar="FILE",
    )
    tls_client_auth: str = setting(
        name="tls-client-auth",
        read=parsers.one_of("none", "request", "require"),
        help="whether clients are asked for a certificate: none, request (it may be missing) or require",
        default="none",
        metavar="WHAT",
    )
    tls_min_version: str = setting(
        name="tls-min-version",
        read=parsers.one_of("1.2", "1.3"),
        help="the oldest version of TLS that clients may use: 1.2 or 1.3",
        default="1.3",
        metavar="VERSION",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        name="trusted-proxy",
        read=parsers.networks,
        help="addresses of proxies whose Forwarded or X-Forwarded-For names the client, as 10.1.0.0/16 or ::1",
        metavar="CIDR",
        repeated=True,
    )

    def __post_init__(self) -> None:
        if (self.tls_cert is None) != (self.tls_key is None):
            given, missing = ("cert", "key") if self.tls_key is None else ("key", "cert")
            raise SettingsError(f"--tls-{given}: needs --tls-{missing} too")
        if self.tls_client_auth != "none" and self.tls_client_ca is None:
            raise SettingsError(f"--tls-client-auth: {self.tls_client_auth} needs --tls-client-ca")
        if self.tls_client_ca is not None and not self.is_on:
            raise SettingsError("--tls-client-ca: needs --tls-cert and --tls-key")

    @property
    def is_on(self) -> bool:
        """Whether the listeners speak TLS."""
        return self.tls_cert is not None


def _database_in_data_dir(chosen: Mapping[str, object]) -> DatabaseUrl:
    return DatabaseUrl("sqlite", cast("Path", chosen["data_dir"]) / DATABASE_FILE)


@dataclass(frozen=True, slots=True)
class StoreSettings(SettingsGroup):
    """Where the data is, and what is encrypted in it. The commands on the store take these too."""

    data_dir: Path = setting(
        name="data-dir",
        read=parsers.directory,
        help="directory of the admin token, the encryption key and SQLite's default file",
        default="data",
        metavar="DIR",
    )
    database: DatabaseUrl = setting(
        name="database",
        read=parse_database_url,
        help="memory:, sqlite:///relative/path or sqlite:////absolute/path",
        default=f"sqlite:///<data-dir>/{DATABASE_FILE}",
        derive=_database_in_data_dir,
        metavar="URL",
    )
    encryption_keys: tuple[bytes, ...] | None = setting(
        name="encryption-key",
        read=encryption_keys.parse,
        help="key that signing keys are encrypted with, 32 bytes in base64, instead of a file in the data directory;"
        " several while it is changed, the newest first",
        variable_only=True,
    )

    @property
    def secrets_dir(self) -> Path | None:
        """The directory of admin token and encryption key; None where both end with the process, as the store does."""
        return self.data_dir if self.database.traits.outlives_process else None


@dataclass(frozen=True, slots=True)
class ProcessSettings(SettingsGroup):
    """How many processes serve, and how they end."""

    workers: int = setting(
        name="workers", read=parsers.whole_number(1, 256), help="processes that serve", default="1", metavar="N"
    )
    shutdown_grace_period: float = setting(
        name="shutdown-grace-period",
        read=parsers.seconds,
        help="grace period for in-flight calls on shutdown",
        default="10",
        metavar="SECONDS",
    )


@dataclass(frozen=True, slots=True)
class LimitSettings(SettingsGroup):
    """What clients may send. Listeners and gateway share the limits."""

    read_timeout: float = setting(
        name="read-timeout",
        read=parsers.seconds,
        help="how long a client may take to send a request's head, and again its body; shorter than the grace period",
        default="5",
        metavar="SECONDS",
    )
    max_body: int = setting(
        name="max-body",
        read=parsers.whole_number(1, 2**31 - 1),
        help="the largest request, over any protocol",
        default="1048576",
        metavar="BYTES",
    )
    max_concurrent: int = setting(
        name="max-concurrent",
        read=parsers.whole_number(1, 1_000_000),
        help="calls that a worker runs at once, over any protocol; more are RESOURCE_EXHAUSTED",
        default="4096",
        metavar="N",
    )
    max_connections: int = setting(
        name="max-connections",
        read=parsers.whole_number(1, 1_000_000),
        help="connections that a worker keeps at once, for each address; a new one takes the place of an idle one",
        default="16384",
        metavar="N",
    )


@dataclass(frozen=True, slots=True)
class ApiSettings(SettingsGroup):
    """Who may call the API and how, and what executions may name. No page of another origin may call by default."""

    admin_token: str | None = setting(
        name="admin-token",
        read=parsers.secret,
        help="the admin token's secret, instead of one made at the first start",
        variable_only=True,
    )
    strict_json: bool = setting(
        name="strict-json",
        read=parsers.boolean,
        help="refuse unknown fields in JSON in ZITADEL's API too, instead of ignoring them there",
        default="false",
    )
    cors_origins: tuple[str, ...] = setting(
        name="cors-origin",
        read=parsers.origins,
        help="an origin whose pages may call, as scheme://host[:port], or *",
        metavar="ORIGIN",
        repeated=True,
    )
    cors_headers: tuple[str, ...] = setting(
        name="cors-header",
        read=parsers.header_names,
        help="a request header that those pages may send besides the protocols' own",
        metavar="NAME",
        repeated=True,
    )
    cors_expose_headers: tuple[str, ...] = setting(
        name="cors-expose-header",
        read=parsers.header_names,
        help="a response header that those pages may read besides the protocols' own",
        metavar="NAME",
        repeated=True,
    )
    api_docs: str = setting(
        name="api-docs",
        read=parsers.one_of("public", "private", "none"),
        help="who reads /openapi.json, which /docs shows, and uses server reflection: anyone (public), tokens with the"
        " permission docs.read (private), or none",
        default="public",
        metavar="WHO",
    )
    path_prefix: str = setting(
        name="path-prefix",
        read=parsers.path_prefix,
        help="the path that a proxy takes off before it forwards, as /api: the OpenAPI document's addresses need it",
        default="",
        metavar="PATH",
    )
    external_url: str = setting(
        name="external-url",
        read=parsers.external_url,
        help="the https URL at which clients find this server, as https://actions.example, not http: the issuer of"
        " OpenID discovery; by default it is where each request was sent to",
        default="",
        metavar="URL",
    )
    descriptor_sets: tuple[Path, ...] = setting(
        name="descriptor-set",
        read=parsers.paths,
        help="a file of protoc --include_imports --descriptor_set_out, whose methods and services executions may name",
        metavar="FILE",
        repeated=True,
    )
    reflect: tuple[ServerAddress, ...] = setting(
        name="reflect",
        read=parsers.server_addresses,
        help="a gRPC server with server reflection, asked at the start and on SIGHUP, whose methods and services"
        " executions may name; https://HOST:PORT with TLS",
        metavar="HOST:PORT",
        repeated=True,
    )
    execution_functions: tuple[str, ...] = setting(
        name="execution-function",
        read=parsers.function_names,
        help="a function that executions may name",
        metavar="NAME",
        repeated=True,
    )
    event_types: tuple[str, ...] = setting(
        name="event-type",
        read=parsers.event_types,
        help="a type of other services' events, as order.placed, which may be published and which executions may name",
        metavar="NAME",
        repeated=True,
    )
    zitadel_conditions: bool = setting(
        name="zitadel-conditions",
        read=parsers.boolean,
        help="let executions name ZITADEL's own methods, services, events and functions, and its events be published",
        default="false",
    )


@dataclass(frozen=True, slots=True)
class ExtProcSettings(SettingsGroup):
    """Whose the calls are that an Envoy asks about by ext_proc."""

    ext_proc_user_claim: str = setting(
        name="ext-proc-user-claim",
        read=parsers.claim_path,
        help="the claim of a token that Envoy has verified by which targets learn who calls, as sub or realm/user_id",
        default="sub",
        metavar="PATH",
    )
    ext_proc_org_claim: str = setting(
        name="ext-proc-org-claim",
        read=parsers.claim_path,
        help="the claim with the caller's organization; without it, targets learn the resource owner",
        default="",
        metavar="PATH",
    )
    ext_proc_user_header: str = setting(
        name="ext-proc-user-header",
        read=parsers.optional_header_name,
        help="a header of the proxied call that says who calls, where no claim does; Envoy must take it from clients",
        default="",
        metavar="NAME",
    )


@dataclass(frozen=True, slots=True)
class DeliverySettings(SettingsGroup):
    """The calls to targets."""

    allow_addresses: tuple[Network, ...] = setting(
        name="allow-address",
        read=parsers.networks,
        help="addresses that targets may have although they are not public, as 10.1.0.0/16 or ::1",
        metavar="CIDR",
        repeated=True,
    )
    deny_addresses: tuple[Network, ...] = setting(
        name="deny-address",
        read=parsers.networks,
        help="addresses that targets may not have although they are public; the longest prefix wins",
        metavar="CIDR",
        repeated=True,
    )
    max_target_calls: int = setting(
        name="max-target-calls",
        read=parsers.whole_number(1, 60_000),
        help="calls to targets that a worker has in flight at once, shared fairly by owners; more wait",
        default="2048",
        metavar="N",
    )
    max_calls_per_target: int = setting(
        name="max-calls-per-target",
        read=parsers.whole_number(1, 60_000),
        help="calls to one target that a worker has in flight at once; more wait",
        default="1024",
        metavar="N",
    )
    max_target_response: int = setting(
        name="max-target-response",
        read=parsers.whole_number(1, 2**31 - 1),
        help="the largest response of a target that is used",
        default="1048576",
        metavar="BYTES",
    )
    jwt_algorithm: KeyAlgorithm = setting(
        name="jwt-algorithm",
        read=parsers.key_algorithm,
        help="how payloads of the types JWT and JWE are signed: ES256, RS256 or EdDSA; a start with another one rotates"
        " the key",
        default="ES256",
        metavar="NAME",
    )
    execution_budget_ms: int = setting(
        name="execution-budget",
        read=parsers.span(1, 3_600_000),
        help="how long an execution around a call may take in all, unless the call's deadline is earlier",
        default="5m",
        metavar="SPAN",
    )


_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class QueueSettings(SettingsGroup):
    """The deliveries of events to targets. All processes of one database should have the same."""

    deliveries: int = setting(
        name="deliveries",
        read=parsers.whole_number(0, 10_000),
        help="deliveries of events that a worker attempts at once, shared fairly by owners; 0 leaves them to others",
        default="128",
        metavar="N",
    )
    deliveries_per_target: int = setting(
        name="deliveries-per-target",
        read=parsers.whole_number(1, 10_000),
        help="deliveries to one target that a worker attempts at once",
        default="32",
        metavar="N",
    )
    delivery_timeout_ms: int = setting(
        name="delivery-timeout",
        read=parsers.span(1, 3_600_000),
        help="how long an attempt may take, unless the target's own timeout is shorter",
        default="30s",
        metavar="SPAN",
    )
    retry_delays_ms: tuple[int, ...] = setting(
        name="retry-delays",
        read=parsers.spans,
        help="how long to wait before each further attempt, 20% more or less; a delivery is dead after the last one",
        default="5s,5m,30m,2h,5h,10h,14h,20h,24h",
        metavar="SPANS",
    )
    delivery_max_age_ms: int = setting(
        name="delivery-max-age",
        read=parsers.span(1, 366 * _DAY_MS),
        help="a delivery is dead when its next attempt would be later than this after the event",
        default="5d",
        metavar="SPAN",
    )
    pause_after: FailuresWithin = setting(
        name="pause-after",
        read=parsers.failures_within,
        help="failures in a row, and how long they take at least, after which a target is paused and probed",
        default="8,30s",
        metavar="N,SPAN",
    )
    delivery_lease_ms: int = setting(
        name="delivery-lease",
        read=parsers.span(3_001, 3_600_000),
        help="how soon another worker may take over what a worker that died had claimed; more than 3s",
        default="60s",
        metavar="SPAN",
    )
    delivery_poll_ms: int = setting(
        name="delivery-poll",
        read=parsers.span(10, 60_000),
        help="how often a worker looks for deliveries that other processes have added",
        default="1s",
        metavar="SPAN",
    )
    attempt_retention_ms: int = setting(
        name="attempt-retention",
        read=parsers.span(1_000, 366 * _DAY_MS),
        help="how long attempts are kept, and with them what is known of delivered events",
        default="7d",
        metavar="SPAN",
    )
    dead_retention_ms: int = setting(
        name="dead-retention",
        read=parsers.span(1_000, 366 * _DAY_MS),
        help="how long deliveries that were given up are kept",
        default="30d",
        metavar="SPAN",
    )

    @property
    def policy(self) -> DeliveryPolicy:
        """When deliveries are retried and given up, and when targets are paused."""
        return DeliveryPolicy(
            retry_delays_ms=self.retry_delays_ms,
            max_age_ms=self.delivery_max_age_ms,
            lease_ms=self.delivery_lease_ms,
            pause_failures=self.pause_after.failures,
            pause_failing_ms=self.pause_after.span_ms,
            attempt_retention_ms=self.attempt_retention_ms,
            dead_retention_ms=self.dead_retention_ms,
        )


@dataclass(frozen=True, slots=True)
class TelemetrySettings(SettingsGroup):
    """What can be seen from outside."""

    log_level: str = setting(
        name="log-level",
        read=parsers.one_of("debug", "info", "warning", "error"),
        help="least severity that is logged to stderr: debug, info, warning or error",
        default="info",
        metavar="LEVEL",
    )
    access_log: str = setting(
        name="access-log",
        read=parsers.one_of("none", "text", "json"),
        help="a line on stderr for each call: none, text or json",
        default="none",
        metavar="FORM",
    )
    metrics: str = setting(
        name="metrics",
        read=parsers.one_of("public", "private", "none"),
        help="who reads /metrics: anyone (public), tokens with the permission metrics.read (private), or none",
        default="public",
        metavar="WHO",
    )

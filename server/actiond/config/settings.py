"""All settings of `actiond serve`: one frozen value, read from flags and ACTIOND_ variables; a flag wins.

`TABLE` is the only list of them: the command line, the environment and the documentation's table come from it. Nobody
but the composition root is handed all of them; every part gets its group.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from actiond.config.groups import (
    ApiSettings,
    DeliverySettings,
    ExtProcSettings,
    LimitSettings,
    ListenSettings,
    ProcessSettings,
    QueueSettings,
    StoreSettings,
    TelemetrySettings,
    TlsSettings,
)
from actiond.config.setting import VARIABLE_PREFIX, Setting, SettingsError, read_group, rows

__all__ = ["TABLE", "Setting", "Settings", "SettingsError", "read"]

SHORT_TOKEN = 16
"""An admin token of fewer characters is accepted with a warning."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `actiond serve` runs with."""

    listen: ListenSettings
    tls: TlsSettings
    store: StoreSettings
    process: ProcessSettings
    limits: LimitSettings
    api: ApiSettings
    ext_proc: ExtProcSettings
    delivery: DeliverySettings
    queue: QueueSettings
    telemetry: TelemetrySettings

    def __post_init__(self) -> None:
        workers, grace_period = self.process.workers, self.process.shutdown_grace_period
        grpc_address, http_address = self.listen.grpc_address, self.listen.http_address
        if workers > 1 and not self.store.database.traits.shared_by_processes:
            raise SettingsError(
                f"--workers: {workers} processes cannot share --database {self.store.database.kind}:, which belongs to"
                " one process"
            )
        if self.limits.read_timeout >= grace_period:
            raise SettingsError(
                f"--read-timeout: {self.limits.read_timeout:g} s is not shorter than"
                f" --shutdown-grace-period, {grace_period:g} s"
            )
        if http_address == grpc_address and http_address.port != 0:
            raise SettingsError(f"--http-address: {http_address} is --grpc-address too; each needs a port of its own")

    @property
    def can_reload(self) -> bool:
        """Whether SIGHUP has something to do: certificates to load again, or servers to ask again."""
        return self.tls.is_on or bool(self.api.reflect)

    def warnings(self) -> list[str]:
        """Return what is allowed but should be known to the operator, a line each."""
        found = []
        if self.api.admin_token is not None and len(self.api.admin_token) < SHORT_TOKEN:
            found.append(f"ACTIOND_ADMIN_TOKEN: fewer than {SHORT_TOKEN} characters can be guessed")
        if self.tls.tls_client_ca is not None and self.tls.tls_client_auth == "none":
            found.append("--tls-client-ca: no client is asked for a certificate while --tls-client-auth is none")
        return found


TABLE: tuple[Setting, ...] = (
    *rows(ListenSettings),
    *rows(TlsSettings),
    *rows(StoreSettings),
    *rows(ProcessSettings),
    *rows(LimitSettings),
    *rows(ApiSettings),
    *rows(ExtProcSettings),
    *rows(DeliverySettings),
    *rows(QueueSettings),
    *rows(TelemetrySettings),
)
"""Every setting, group by group."""
DELIVER_TABLE: tuple[Setting, ...] = (
    *rows(StoreSettings),
    *rows(ProcessSettings),
    *rows(DeliverySettings),
    *rows(QueueSettings),
    *(row for row in rows(TelemetrySettings) if row.field == "log_level"),
)
"""The settings of `actiond deliver`."""


def read(arguments: Mapping[str, object], environment: Mapping[str, str]) -> Settings:
    """Read all settings from flags (as argparse leaves them, by field) and variables. Raise SettingsError."""
    return Settings(
        listen=read_group(ListenSettings, arguments, environment),
        tls=read_group(TlsSettings, arguments, environment),
        store=read_group(StoreSettings, arguments, environment),
        process=read_group(ProcessSettings, arguments, environment),
        limits=read_group(LimitSettings, arguments, environment),
        api=read_group(ApiSettings, arguments, environment),
        ext_proc=read_group(ExtProcSettings, arguments, environment),
        delivery=read_group(DeliverySettings, arguments, environment),
        queue=read_group(QueueSettings, arguments, environment),
        telemetry=read_group(TelemetrySettings, arguments, environment),
    )


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """Return a line for each variable that is named like a setting's and is none, perhaps misspelt."""
    known = {setting.variable for setting in TABLE}
    names = sorted(name for name in environment if name.startswith(VARIABLE_PREFIX) and name not in known)
    return [f"{name}: there is no such setting" for name in names]

"""The settings as values: what is read, from where, and what is refused by name."""

import argparse
import contextlib
import logging
import socket
from dataclasses import fields
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.deliveries import DeliveryPolicy
from actiond.config import setting_parsers, settings
from actiond.config.setting import SettingsError, SettingsGroup, add_flags
from actiond.config.setting_parsers import Address, FailuresWithin, ServerAddress
from actiond.config.settings import TABLE, Settings
from actiond.process import console
from actiond.process.sockets import ReservedSocket
from actiond.storage.urls import DatabaseUrl
from actiond.telemetry.logging import OneLineFormatter
from rpcfront import Info

WRONG = [
    ("grpc_address", "50051"),
    ("grpc_address", ":50051"),
    ("grpc_address", "::1:50051"),
    ("grpc_address", "127.0.0.1:65536"),
    ("grpc_address", "127.0.0.1:-1"),
    ("grpc_address", "http://127.0.0.1:50051"),
    ("grpc_address", "a b:1"),
    ("grpc_address", "[localhost]:1"),
    ("grpc_address", "127.0.0.1:\u0665\u0660"),
    ("http_address", ""),
    ("tls_cert", ""),
    ("tls_key", "\x00"),
    ("tls_client_ca", "two\nlines"),
    ("tls_client_auth", "yes"),
    ("tls_client_auth", ""),
    ("tls_min_version", "1.1"),
    ("tls_min_version", "TLSv1.3"),
    ("trusted_proxies", "proxy.example"),
    ("trusted_proxies", "10.0.0.1/8"),
    ("data_dir", ""),
    ("data_dir", "\x00"),
    ("database", ""),
    ("database", "postgres://localhost/x"),
    ("database", "sqlite:relative.db"),
    ("database", "memory:x"),
    ("workers", "0"),
    ("workers", "-1"),
    ("workers", "1.5"),
    ("workers", "two"),
    ("workers", "257"),
    ("workers", " 2"),
    ("workers", "\u0662"),
    ("workers", "1_0"),
    ("cors_origins", "https://example.com/"),
    ("cors_origins", "https://example.com/path"),
    ("cors_origins", "example.com"),
    ("cors_origins", "https://user@example.com"),
    ("cors_origins", "https://example.com:65536"),
    ("cors_origins", "https://*.example.com"),
    ("cors_origins", "null"),
    ("path_prefix", "api"),
    ("path_prefix", "/api/"),
    ("path_prefix", "https://example.com"),
    ("external_url", "http://example.com"),
    ("external_url", "https://"),
    ("external_url", "https://example.com/"),
    ("external_url", "https://user@example.com"),
    ("external_url", "https://example.com:65536"),
    ("external_url", "https://example.com/a?b"),
    ("external_url", "https://example.com#a"),
    ("external_url", "https://EXAMPLE.com"),
    ("jwt_algorithm", "HS256"),
    ("jwt_algorithm", ""),
    ("cors_headers", "x y:z"),
    ("cors_headers", "*"),
    ("cors_expose_headers", "*"),
    ("shutdown_grace_period", "0"),
    ("shutdown_grace_period", "-1"),
    ("shutdown_grace_period", "nan"),
    ("shutdown_grace_period", "inf"),
    ("shutdown_grace_period", "3601"),
    ("shutdown_grace_period", "10s"),
    ("read_timeout", "0"),
    ("read_timeout", "10"),
    ("metrics", "everyone"),
    ("api_docs", "off"),
    ("reflect", "localhost"),
    ("reflect", "localhost:0"),
    ("reflect", "localhost:65536"),
    ("reflect", "http://localhost:80"),
    ("reflect", "https://localhost"),
    ("reflect", "https://localhost:443/path"),
    ("reflect", "dns:///localhost:443"),
    ("execution_functions", "\x00"),
    ("execution_functions", "f" * 1001),
    ("allow_addresses", "127.0.0.1/8"),
    ("allow_addresses", "localhost"),
    ("deny_addresses", "::1/129"),
    ("deny_addresses", "fe80::1%eth0"),
    ("max_target_calls", "0"),
    ("max_calls_per_target", "60001"),
    ("max_target_response", "1k"),
    ("event_types", "order"),
    ("event_types", "order."),
    ("event_types", ".placed"),
    ("event_types", "order..placed"),
    ("event_types", "Order.placed"),
    ("event_types", "order.plac\u00e9d"),
    ("event_types", "order-placed.x"),
    ("event_types", "order.*"),
    ("event_types", "1order.placed"),
    ("event_types", "target.added"),
    ("event_types", "execution.any"),
    ("event_types", "order.placed token.made"),
    ("event_types", "order." + "x" * 1000),
    ("deliveries", "-1"),
    ("deliveries", "10001"),
    ("deliveries", "all"),
    ("deliveries_per_target", "0"),
    ("deliveries_per_target", "10001"),
    ("delivery_timeout_ms", "30"),
    ("delivery_timeout_ms", "0s"),
    ("delivery_timeout_ms", "1.5s"),
    ("delivery_timeout_ms", "61m"),
    ("delivery_timeout_ms", "30 s"),
    ("delivery_timeout_ms", "30S"),
    ("retry_delays_ms", ""),
    ("retry_delays_ms", ","),
    ("retry_delays_ms", "5s,5"),
    ("retry_delays_ms", "0s"),
    ("retry_delays_ms", "367d"),
    ("retry_delays_ms", ",".join(["1s"] * 101)),
    ("delivery_max_age_ms", "0d"),
    ("delivery_max_age_ms", "367d"),
    ("delivery_max_age_ms", "5"),
    ("pause_after", "8"),
    ("pause_after", "0,30s"),
    ("pause_after", "8,30"),
    ("pause_after", "30s,8"),
    ("pause_after", "8,30s,1"),
    ("pause_after", "1000000,30s"),
    ("delivery_lease_ms", "3s"),
    ("delivery_lease_ms", "3000ms"),
    ("delivery_lease_ms", "61m"),
    ("delivery_poll_ms", "9ms"),
    ("delivery_poll_ms", "61s"),
    ("attempt_retention_ms", "999ms"),
    ("attempt_retention_ms", "367d"),
    ("dead_retention_ms", "999ms"),
    ("dead_retention_ms", "10000000000d"),
    ("encryption_keys", "short"),
    ("max_body", "0"),
    ("max_body", "1MiB"),
    ("max_body", "2147483648"),
    ("max_concurrent", "0"),
    ("strict_json", "maybe"),
    ("strict_json", ""),
    ("log_level", "loud"),
]
BY_FIELD = {setting.field: setting for setting in TABLE}

EMPTY: dict[str, str] = {}


@pytest.mark.parametrize(("field", "text"), WRONG)
def test_a_wrong_flag_is_refused_in_one_line_that_begins_with_its_name(field: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.read({field: text}, EMPTY)
    assert str(refused.value).startswith(f"{BY_FIELD[field].flag}: ")
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("field", "text"), [(field, text) for field, text in WRONG if (field, text) != ("read_timeout", "10")]
)
def test_a_wrong_variable_is_refused_in_one_line_that_begins_with_its_name(field: str, text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.read({}, {BY_FIELD[field].variable: text})
    assert str(refused.value).startswith(f"{BY_FIELD[field].variable}: ")


@pytest.mark.parametrize("token", ["", "with space", "tab\ttab", "line\nbreak", "schlüssel-ä", "\x00"])
def test_an_admin_token_that_no_header_can_carry_is_refused_without_being_repeated(token: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.read({}, {"ACTIOND_ADMIN_TOKEN": token})
    assert str(refused.value).startswith("ACTIOND_ADMIN_TOKEN: ")
    assert not token or token not in str(refused.value)


RIGHT: list[tuple[str, str, object]] = [
    ("event_types", "", ()),
    ("event_types", "order.placed", ("order.placed",)),
    ("event_types", "order.placed, a.b.c_1\nuser.2fa", ("order.placed", "a.b.c_1", "user.2fa")),
    ("event_types", "targets.x tokenized.y", ("targets.x", "tokenized.y")),
    ("deliveries", "0", 0),
    ("deliveries", "10000", 10_000),
    ("deliveries_per_target", "1", 1),
    ("delivery_timeout_ms", "1ms", 1),
    ("delivery_timeout_ms", "1h", 3_600_000),
    ("retry_delays_ms", "1ms", (1,)),
    ("retry_delays_ms", "5s 5m,2h\n1d", (5_000, 300_000, 7_200_000, 86_400_000)),
    ("retry_delays_ms", ",".join(["366d"] * 100), (366 * 86_400_000,) * 100),
    ("delivery_max_age_ms", "366d", 366 * 86_400_000),
    ("pause_after", "1,0s", FailuresWithin(1, 0)),
    ("pause_after", "999999,1h", FailuresWithin(999_999, 3_600_000)),
    ("delivery_lease_ms", "3001ms", 3_001),
    ("delivery_poll_ms", "10ms", 10),
    ("delivery_poll_ms", "1m", 60_000),
    ("attempt_retention_ms", "1s", 1_000),
    ("dead_retention_ms", "366d", 366 * 86_400_000),
]


@pytest.mark.parametrize(("field", "text", "value"), RIGHT)
def test_the_bounds_of_a_setting_of_deliveries_are_within_it(field: str, text: str, value: object) -> None:
    read = settings.read({field: text}, EMPTY)
    assert getattr(read.api if field == "event_types" else read.queue, field) == value


def test_the_policy_is_that_of_the_design_by_default() -> None:
    assert settings.read({}, EMPTY).queue.policy == DeliveryPolicy(
        retry_delays_ms=tuple(
            1_000 * seconds for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
        ),
        max_age_ms=5 * 86_400_000,
        lease_ms=60_000,
        pause_failures=8,
        pause_failing_ms=30_000,
        attempt_retention_ms=7 * 86_400_000,
        dead_retention_ms=30 * 86_400_000,
    )


def test_each_setting_of_the_policy_is_used_for_what_it_is_called() -> None:
    given = {
        "retry_delays_ms": "1s,2s",
        "delivery_max_age_ms": "3s",
        "delivery_lease_ms": "4s",
        "pause_after": "5,6s",
        "attempt_retention_ms": "7s",
        "dead_retention_ms": "8s",
    }
    assert settings.read(given, EMPTY).queue.policy == DeliveryPolicy(
        (1_000, 2_000), 3_000, 4_000, 5, 6_000, 7_000, 8_000
    )


def test_a_repeated_event_type_adds_up() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, TABLE)
    arguments = parser.parse_args(["--event-type", "order.placed", "--event-type", "order.paid", "user.left"])
    assert settings.read(vars(arguments), EMPTY).api.event_types == ("order.placed", "order.paid", "user.left")


def test_the_admin_token_has_no_flag() -> None:
    assert BY_FIELD["admin_token"].variable_only


def test_the_admin_token_is_not_part_of_the_settings_text() -> None:
    assert "very-secret-token" not in repr(settings.read({}, {"ACTIOND_ADMIN_TOKEN": "very-secret-token"}))


def test_a_short_admin_token_is_worth_a_warning() -> None:
    assert settings.read({}, {"ACTIOND_ADMIN_TOKEN": "x" * 15}).warnings()
    assert not settings.read({}, {"ACTIOND_ADMIN_TOKEN": "x" * 16}).warnings()


def test_the_table_and_the_settings_name_the_same_fields() -> None:
    groups = [cast("type[SettingsGroup]", field.type) for field in fields(Settings)]
    assert [field.name for group in groups for field in fields(group)] == [setting.field for setting in TABLE]


@pytest.mark.parametrize("column", ["field", "flag", "variable"])
def test_no_two_settings_share_a_name(column: str) -> None:
    assert len({getattr(setting, column) for setting in TABLE}) == len(TABLE)


def test_a_flag_wins_over_its_variable() -> None:
    assert settings.read({"workers": "3"}, {"ACTIOND_WORKERS": "nonsense"}).process.workers == 3


def test_memory_is_refused_with_more_than_one_worker() -> None:
    with pytest.raises(SettingsError, match=r"--workers.*memory:"):
        settings.read({"database": "memory:", "workers": "2"}, EMPTY)


def test_sqlites_default_file_is_in_the_data_directory() -> None:
    assert settings.read({}, EMPTY).store.database == DatabaseUrl("sqlite", Path("data/actiond.db"))
    elsewhere = settings.read({"data_dir": "/var/lib/actiond"}, EMPTY).store
    assert elsewhere.database == DatabaseUrl("sqlite", Path("/var/lib/actiond/actiond.db"))


def test_a_database_of_ones_own_leaves_the_secrets_in_the_data_directory() -> None:
    store = settings.read({"data_dir": "secrets", "database": "sqlite:///file.db"}, EMPTY).store
    assert store.database == DatabaseUrl("sqlite", Path("file.db"))
    assert store.secrets_dir == Path("secrets")


def test_what_ends_with_the_process_leaves_no_secrets_in_the_data_directory() -> None:
    assert settings.read({"database": "memory:"}, EMPTY).store.secrets_dir is None


PAIR = {"tls_cert": "cert.pem", "tls_key": "key.pem"}


def test_there_is_no_tls_unless_there_is_a_certificate() -> None:
    assert not settings.read({}, EMPTY).tls.is_on
    read = settings.read(PAIR, EMPTY).tls
    assert (read.is_on, read.tls_client_auth, read.tls_min_version) == (True, "none", "1.3")


@pytest.mark.parametrize(
    ("given", "flag", "words"),
    [
        ({"tls_cert": "cert.pem"}, "--tls-cert", "--tls-key"),
        ({"tls_key": "key.pem"}, "--tls-key", "--tls-cert"),
        ({"tls_client_ca": "ca.pem"}, "--tls-client-ca", "--tls-cert"),
        ({**PAIR, "tls_client_auth": "request"}, "--tls-client-auth", "request needs --tls-client-ca"),
        ({**PAIR, "tls_client_auth": "require"}, "--tls-client-auth", "require needs --tls-client-ca"),
        ({"tls_client_auth": "require", "tls_client_ca": "ca.pem"}, "--tls-client-ca", "--tls-cert"),
    ],
)
def test_settings_of_tls_that_need_each_other_are_refused_alone(given: dict[str, str], flag: str, words: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings.read(given, EMPTY)
    assert str(refused.value).startswith(f"{flag}: ")
    assert words in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_authorities_that_verify_nobody_are_worth_a_warning() -> None:
    asking = {**PAIR, "tls_client_ca": "ca.pem"}
    assert [line.split(":")[0] for line in settings.read(asking, EMPTY).warnings()] == ["--tls-client-ca"]
    assert not settings.read({**asking, "tls_client_auth": "request"}, EMPTY).warnings()


def test_proxies_may_be_trusted_without_tls() -> None:
    read = settings.read({}, {"ACTIOND_TRUSTED_PROXY": "10.0.0.0/8, ::1"}).tls
    assert list(map(str, read.trusted_proxies)) == ["10.0.0.0/8", "::1/128"]


def test_one_port_for_both_listeners_is_refused() -> None:
    with pytest.raises(SettingsError, match="--http-address"):
        settings.read({"grpc_address": "127.0.0.1:7", "http_address": "127.0.0.1:7"}, EMPTY)


def test_both_listeners_may_ask_for_any_free_port() -> None:
    assert (
        settings.read({"grpc_address": "127.0.0.1:0", "http_address": "127.0.0.1:0"}, EMPTY).listen.http_address.port
        == 0
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        ("*", ("*",)),
        ("https://example.com", ("https://example.com",)),
        ("HTTPS://Example.COM", ("https://example.com",)),
        ("https://example.com:443", ("https://example.com",)),
        ("http://example.com:80", ("http://example.com",)),
        ("http://example.com:443", ("http://example.com:443",)),
        (
            "http://localhost:3000, https://a.example\nhttp://[::1]:5",
            ("http://localhost:3000", "https://a.example", "http://[::1]:5"),
        ),
        ("chrome-extension://abcdef", ("chrome-extension://abcdef",)),
    ],
)
def test_origins_are_read_as_browsers_send_them(text: str, expected: tuple[str, ...]) -> None:
    assert setting_parsers.origins(text) == expected


def test_servers_with_reflection_are_read_with_and_without_tls() -> None:
    assert setting_parsers.server_addresses("shop:5000, https://[::1]:443\nbooks:1") == (
        ServerAddress(Address("shop", 5000), is_tls=False),
        ServerAddress(Address("::1", 443), is_tls=True),
        ServerAddress(Address("books", 1), is_tls=False),
    )


def test_a_repeated_flag_adds_up() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, TABLE)
    given = ["--cors-origin", "https://a.example", "https://b.example", "--cors-origin", "https://c.example"]
    read = settings.read(vars(parser.parse_args(given)), EMPTY)
    assert read.api.cors_origins == ("https://a.example", "https://b.example", "https://c.example")


@pytest.mark.parametrize(
    "text", ["127.0.0.1:0", "[::1]:8080", "localhost:65535", "my-host.example:1", "0.0.0.0:80", "[::]:80"]
)
def test_an_address_is_printed_as_it_was_written(text: str) -> None:
    assert str(setting_parsers.address(text)) == text


@given(host=st.ip_addresses().map(str), port=st.integers(0, 65535))
def test_every_ip_address_survives_printing_and_reading(host: str, port: int) -> None:
    assert setting_parsers.address(str(Address(host, port))) == Address(host, port)


@given(st.text())
def test_a_reader_takes_any_text_or_raises_a_value_error(text: str) -> None:
    for setting in TABLE:
        with contextlib.suppress(ValueError):
            setting.read(text)


@pytest.mark.parametrize(
    ("host", "warned"), [("127.0.0.1", False), ("127.8.9.10", False), ("::1", False), ("192.0.2.1", True), ("::", True)]
)
def test_an_address_beyond_this_machine_is_worth_a_warning(
    host: str, warned: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as unused:
        console.warn_of_exposure([ReservedSocket("grpc", Address(host, 50051), unused)])
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == warned
    assert all("--grpc-address" in line and "TLS" in line for line in lines)


def test_a_log_record_is_one_line_whatever_it_holds() -> None:
    error = ValueError("a\nb")
    record = logging.LogRecord(
        "some.logger", logging.ERROR, __file__, 1, "x\r\n%s", ("y\nz",), (ValueError, error, None)
    )
    line = OneLineFormatter().format(record)
    assert len(line.splitlines()) == 1
    assert " ERROR some.logger: x\\r\\ny\\nz" in line


def test_a_variable_that_is_no_setting_is_warned_of() -> None:
    environment = {"ACTIOND_WORKER": "2", "ACTIOND_WORKERS": "2", "PATH": "/bin", "ACTIOND_ADMIN_TOKEN": "x"}
    assert settings.unknown_variables(environment) == ["ACTIOND_WORKER: there is no such setting"]


@given(st.text("/aZ9-~!:@%0fg ?#\\.é", max_size=8))
def test_a_path_prefix_is_what_the_document_of_the_api_takes(text: str) -> None:
    try:
        taken = Info(title="", version="", prefix=text).prefix
    except ValueError:
        with pytest.raises(SettingsError):
            settings.read({"path_prefix": text}, EMPTY)
    else:
        assert settings.read({"path_prefix": text}, EMPTY).api.path_prefix == taken


@pytest.mark.parametrize("url", ["", "https://example.com", "https://[2001:db8::1]:8443", "https://a.example/b/c%20d"])
def test_an_external_url_is_taken_as_it_is(url: str) -> None:
    assert settings.read({"external_url": url}, EMPTY).api.external_url == url


@pytest.mark.parametrize("text", ["EdDSA", "eddsa", "EDDSA"])
def test_an_algorithm_may_be_in_any_letter_case(text: str) -> None:
    assert settings.read({"jwt_algorithm": text}, EMPTY).delivery.jwt_algorithm.value == "EdDSA"

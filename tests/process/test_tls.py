"""`actiond serve` with TLS: what is refused at the start, certificates that are replaced, callers with certificates."""

import http.client
import json
import re
import signal
import ssl
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import grpc
import pytest
from actiond_protos.zitadel.action.v3alpha import action_service_pb2, action_service_pb2_grpc
from cryptography import x509

from actiond.config.setting_parsers import Address
from actiond.process import console
from actiond.process.sockets import ReservedSocket, Sockets
from tests.process.commands import ANY_PORTS, CREATE, refused, run_process
from tests.process.conftest import Run, Start
from tests.support.programs import program
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.targets.certificates import DAY, Authority, Pair, replace_file
from tests.support.waiting import until

AUTHORITY = Authority()
PAIR = AUTHORITY.server_pair()
WORKER = AUTHORITY.issue(x509.DNSName("Worker.example"), x509.UniformResourceIdentifier("spiffe://example/worker"))
STRANGER = AUTHORITY.issue(x509.DNSName("stranger.example"))
TARGET = {"restWebhook": {}, "timeout": "10s", "endpoint": "https://example.com/hook"}
REFUSED = "the new files are refused and the old ones stay in use"
SERVICE = "zitadel.action.v3alpha.ActionService"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The certificates of the server, the authority, and two clients."""
    (tmp_path / "tls").mkdir()
    for name, pair in (("server", PAIR), ("worker", WORKER), ("stranger", STRANGER)):
        pair.write(tmp_path / "tls", name)
    replace_file(tmp_path / "tls" / "authority.pem", AUTHORITY.pem.encode())
    return tmp_path / "tls"


def flags(directory: Path, *more: str, client_auth: str = "none") -> tuple[str, ...]:
    pair = ("--tls-cert", str(directory / "server.pem"), "--tls-key", str(directory / "server-key.pem"))
    if client_auth != "none":
        more += ("--tls-client-ca", str(directory / "authority.pem"), "--tls-client-auth", client_auth)
    return (*pair, *more)


# At the start.


Spoil = Callable[[Path], object]
BAD: dict[str, tuple[Spoil, str, str]] = {
    "missing": (lambda directory: (directory / "server.pem").unlink(), "--tls-cert", "No such file"),
    "readable by others": (lambda directory: (directory / "server-key.pem").chmod(0o644), "--tls-key", "chmod 600"),
    "encrypted": (
        lambda directory: replace_file(directory / "server-key.pem", PAIR.with_password()),
        "--tls-key",
        "encrypted",
    ),
    "of another pair": (
        lambda directory: replace_file(directory / "server-key.pem", STRANGER.key),
        "--tls-key",
        "not the key of the certificate",
    ),
    "expired": (
        lambda directory: AUTHORITY.server_pair(lifetime=-DAY).write(directory, "server"),
        "--tls-cert",
        "expired",
    ),
    "no authority": (lambda directory: replace_file(directory / "authority.pem", b""), "--tls-client-ca", "PEM"),
}


@pytest.mark.parametrize(("case", "workers"), [*((case, "1") for case in BAD), ("expired", "2")])
def test_a_bad_file_is_exit_code_2_and_one_line_that_names_it(directory: Path, case: str, workers: str) -> None:
    spoil, flag, rule = BAD[case]
    spoil(directory)
    arguments = (*flags(directory, client_auth="request"), *ANY_PORTS, "--workers", workers)
    done = run_process("serve", *arguments, cwd=directory.parent)
    refused(done, flag, str(directory), rule)
    assert not (directory.parent / "data").exists()


def test_with_tls_nobody_is_warned_of_tokens_that_can_be_read(tmp_path: Path, directory: Path) -> None:
    with ServerProcess(tmp_path, *flags(directory), http_address="0.0.0.0:0") as server:
        assert "can be read in transit" not in server.stderr
    with ServerProcess(tmp_path, http_address="0.0.0.0:0") as server:
        assert "can be read in transit" in server.stderr


@pytest.mark.parametrize("is_secure", [False, True])
def test_the_commands_that_the_first_start_shows_fit_the_listener(
    is_secure: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    reserved = ReservedSocket("http", Address("::", 8080), None)  # type: ignore[arg-type]  # nothing is bound here
    console.deliver_admin_token("secret", None, Sockets(None, reserved), is_secure=is_secure)
    shown = capsys.readouterr().out
    assert ("https://[::1]:8080/" in shown, "http://[::1]" in shown) == (is_secure, not is_secure)
    assert ("-plaintext" in shown) != is_secure
    assert ("--cacert" in shown) == is_secure


# While it serves.


def served(port: int) -> int:
    """Return the serial number of the certificate that a new connection gets."""
    connection = http.client.HTTPSConnection("localhost", port, timeout=20, context=AUTHORITY.trust())
    connection.connect()
    found: Any = connection.sock.getpeercert()
    connection.close()
    return int(found["serialNumber"], 16)


class Caller:
    """Calls all the time: over one connection of HTTP/1.1, and over one of gRPC."""

    def __init__(self, server: ServerProcess) -> None:
        self._server = server
        self._is_done = threading.Event()
        self._failures: list[BaseException] = []
        self._calls = {self._by_http: 0, self._by_grpc: 0}
        self._threads = [threading.Thread(target=self._run, args=(call,)) for call in self._calls]

    def _run(self, call: Callable[[Callable[[], None]], None]) -> None:
        def count() -> None:
            self._calls[call] += 1  # type: ignore[index]  # both are methods of this class, which mypy cannot tell

        try:
            call(count)
        except BaseException as error:  # noqa: BLE001  # raised in the test's thread
            self._failures.append(error)

    def _by_http(self, count: Callable[[], None]) -> None:
        connection = http.client.HTTPSConnection("localhost", self._server.http_port, context=AUTHORITY.trust())
        connection.connect()
        connection.auto_open = 0  # a new connection would be an error
        while not self._is_done.is_set():
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            assert response.status == 200
            response.read()
            count()
        connection.close()

    def _by_grpc(self, count: Callable[[], None]) -> None:
        with grpc.secure_channel(
            f"localhost:{self._server.grpc_port}", grpc.ssl_channel_credentials(AUTHORITY.pem.encode())
        ) as channel:
            stub: Any = action_service_pb2_grpc.ActionServiceStub(channel)  # type: ignore[no-untyped-call]  # grpc generates no types
            while not self._is_done.is_set():
                request = action_service_pb2.ListTargetsRequest()
                stub.ListTargets(request, metadata=[("authorization", f"Bearer {ADMIN_TOKEN}")], timeout=20)
                count()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        until(lambda: all(self._calls.values()) or bool(self._failures), "calls over both")
        return self

    def __exit__(self, *_: object) -> None:
        before = dict(self._calls)
        until(lambda: all(self._calls[call] > before[call] for call in before) or bool(self._failures), "more calls")
        self._is_done.set()
        for thread in self._threads:
            thread.join()
        assert not self._failures


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("by_signal", [True, False])
def test_new_connections_get_a_replaced_certificate_and_no_call_is_lost(
    start: Start, directory: Path, workers: int, by_signal: bool
) -> None:
    server = start(*flags(directory), workers=workers)
    assert served(server.http_port) == served(server.grpc_port) == PAIR.serial
    with Caller(server):
        newer = AUTHORITY.server_pair()
        newer.write(directory, "server")
        if by_signal:
            server.signal(signal.SIGHUP)
        until(lambda: server.stderr.count("TLS: loaded ") >= workers, "the new certificate in every worker")
        for _ in range(4 * workers):  # each worker has its turn
            assert served(server.http_port) == served(server.grpc_port) == newer.serial
    assert server.stop() == 0


def test_a_bad_new_file_is_refused_in_one_line_and_the_old_one_stays(start: Start, directory: Path) -> None:
    server = start(*flags(directory))
    with Caller(server):
        replace_file(directory / "server.pem", b"no PEM")
        server.signal(signal.SIGHUP)
        until(lambda: REFUSED in server.stderr, "the refusal")
        assert served(server.http_port) == PAIR.serial
        server.signal(signal.SIGHUP)
        until(lambda: server.stderr.count(REFUSED) == 2, "the second refusal")
        # Whoever mends it need not tell.
        replace_file(directory / "server.pem", PAIR.certificate)
        until(lambda: "TLS: loaded " in server.stderr, "the mended file")
    lines = [line for line in server.stderr.splitlines() if REFUSED in line]
    expected = f"{directory / 'server.pem'}: is not a certificate in PEM"
    assert [line.endswith(expected) for line in lines] == [True, True], lines


def test_a_signal_to_reload_ends_nothing_while_the_server_stops(start: Start, directory: Path) -> None:
    server = start(*flags(directory), workers=2)
    for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
        server.signal(number)
    assert server.wait() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_signal_to_reload_does_nothing_without_tls(start: Start, workers: int) -> None:
    server = start(workers=workers)
    server.signal(signal.SIGHUP)
    line = "SIGHUP: there is nothing to load again, neither certificates nor what --reflect names"
    until(lambda: server.stderr.count(line) == workers, "a line of every worker")
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    assert server.stop() == 0


# Callers with certificates.


@pytest.fixture
def bound(start: Start, run: Run, directory: Path) -> tuple[ServerProcess, str, str]:
    """A server that asks for certificates, and a token that is bound to the worker's: its id and its secret."""
    server = start(*flags(directory, client_auth="request"), "--metrics", "private")
    made = run(
        *CREATE,
        *("--permission", "metrics.read", "execution.target.read", "--certificate", "dns:worker.example"),
        ACTIOND_DATABASE=server.database,
    )
    assert made.returncode == 0, made.stderr
    (token_id,) = re.findall(r"token ([0-9]+) for owner", made.stderr)
    return server, token_id, made.stdout.strip()


def curl(server: ServerProcess, directory: Path, path: str, *options: str, who: str = "", data: object = None) -> int:
    """Return the status of a call with the certificate of `who`."""
    certificate = ("--cert", str(directory / f"{who}.pem"), "--key", str(directory / f"{who}-key.pem")) if who else ()
    body = () if data is None else ("-H", "Content-Type: application/json", "-d", json.dumps(data))
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", str(directory / "authority.pem")]
    url = f"https://localhost:{server.http_port}{path}"
    done = subprocess.run(
        [*command, *certificate, *body, *options, url], capture_output=True, text=True, timeout=60, check=False
    )
    return int(done.stdout)


def target(name: str) -> dict[str, object]:
    return {"name": name, **TARGET}


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_certificate_is_as_good_as_the_token_that_is_bound_to_it(
    bound: tuple[ServerProcess, str, str], run: Run, directory: Path, version: str
) -> None:
    server, token_id, secret = bound
    right, wrong = ("-H", f"Authorization: Bearer {secret}"), ("-H", "Authorization: Bearer wrong")
    path, rpc = "/v3alpha/targets", f"/{SERVICE}/CreateTarget"

    def create(name: str, *options: str, who: str = "worker", path: str = path) -> int:
        return curl(server, directory, path, version, *options, who=who, data=target(name))

    assert create("by certificate") == 201
    assert create("over Connect", path=rpc) == 200
    assert create("by secret", *right, who="") == 201
    assert create("without", who="") == 401
    assert create("as a stranger", who="stranger") == 401
    # A header decides alone.
    assert create("wrong header", *wrong) == 401
    assert create("empty header", "-H", "Authorization;") == 401
    assert create("stranger with a header", *right, who="stranger") == 201
    # A page in a browser does not act by the browser's certificate.
    assert create("a page", "-H", "Origin: https://example.com") == 401
    assert create("a page", "-H", "Sec-Fetch-Site: cross-site") == 401
    # Permissions are the token's.
    assert curl(server, directory, "/metrics", version, who="worker") == 200
    assert curl(server, directory, "/metrics", version, who="stranger") == 401
    assert curl(server, directory, "/v3alpha/targets/1", version, "-X", "DELETE", who="worker") == 403
    assert run("token", "revoke", token_id, ACTIOND_DATABASE=server.database).returncode == 0
    assert create("revoked") == 401


def test_a_certificate_counts_over_grpc_too(bound: tuple[ServerProcess, str, str], directory: Path) -> None:
    server, _, secret = bound

    def code(pair: Pair | None, *metadata: tuple[str, str]) -> grpc.StatusCode:
        keys = () if pair is None else (pair.key, pair.certificate)
        credentials = grpc.ssl_channel_credentials(AUTHORITY.pem.encode(), *keys)
        with grpc.secure_channel(f"localhost:{server.grpc_port}", credentials) as channel:
            stub: Any = action_service_pb2_grpc.ActionServiceStub(channel)  # type: ignore[no-untyped-call]  # grpc generates no types
            try:
                stub.ListTargets(action_service_pb2.ListTargetsRequest(), metadata=metadata, timeout=20)
            except grpc.RpcError as error:
                found: grpc.StatusCode = error.code()
                return found
            return grpc.StatusCode.OK

    assert code(WORKER) is grpc.StatusCode.OK
    assert code(None) is code(STRANGER) is grpc.StatusCode.UNAUTHENTICATED
    assert code(WORKER, ("authorization", "Bearer wrong")) is grpc.StatusCode.UNAUTHENTICATED
    assert code(None, ("authorization", f"Bearer {secret}")) is grpc.StatusCode.OK


def test_a_certificate_counts_for_gos_client(bound: tuple[ServerProcess, str, str], directory: Path) -> None:
    server, _, _ = bound

    def create(who: str) -> subprocess.CompletedProcess[str]:
        paths = ("-cacert", "authority.pem", "-cert", f"{who}.pem", "-key", f"{who}-key.pem")
        command = [program("grpcurl"), *paths, "-d", json.dumps(target("by grpcurl"))]
        return subprocess.run(
            [*command, f"localhost:{server.grpc_port}", f"{SERVICE}/CreateTarget"],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert json.loads(create("worker").stdout)["details"]
    assert "Unauthenticated" in create("stranger").stderr


def test_certificates_do_not_count_where_none_is_asked_for(start: Start, run: Run, directory: Path) -> None:
    server = start(*flags(directory))
    made = run(*CREATE, "--certificate", "dns:worker.example", ACTIOND_DATABASE=server.database)
    assert made.returncode == 0
    assert curl(server, directory, "/v3alpha/targets", who="worker", data=target("x")) == 401


def test_a_client_without_the_certificate_that_is_required_makes_no_call(start: Start, directory: Path) -> None:
    server = start(*flags(directory, client_auth="require"))
    assert curl(server, directory, "/healthz", who="worker") == 200
    assert curl(server, directory, "/healthz") == 0


@pytest.mark.parametrize(("least", "is_served"), [("1.2", True), ("1.3", False)])
def test_older_versions_of_tls_are_served_where_they_are_allowed(
    start: Start, directory: Path, least: str, is_served: bool
) -> None:
    server = start(*flags(directory, "--tls-min-version", least))
    context = AUTHORITY.trust()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    connection = http.client.HTTPSConnection("localhost", server.http_port, timeout=20, context=context)
    if is_served:
        connection.connect()
    else:
        with pytest.raises(ssl.SSLError):
            connection.connect()
    connection.close()


def test_the_access_log_has_the_client_that_a_trusted_proxy_names(start: Start, directory: Path) -> None:
    server = start(*flags(directory, "--trusted-proxy", "127.0.0.0/8", "::1", "--access-log", "text"))
    options = ("-H", "X-Forwarded-For: 192.0.2.60", "-H", f"Authorization: Bearer {ADMIN_TOKEN}")
    assert curl(server, directory, "/v3alpha/targets", *options, data=target("x")) == 201
    until(lambda: "peer=ipv4:192.0.2.60" in server.stderr, "the line of the call")

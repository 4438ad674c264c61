"""A page in Chromium calls actiond over TLS, which the browser verifies by the server's key."""

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from actiond_protos.zitadel.action.v3alpha import action_service_pb2
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.clients.browser import UnavailableError, find_chromium, visit
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.pages import PageServer
from tests.support.targets.certificates import Authority, Pair

PAIR = Authority().server_pair()
RPC = "/zitadel.action.v3alpha.ActionService/ListTargets"
PAGE = """
<!doctype html>
<meta charset="utf-8">
<script type="module">
  const calls = %s;
  const report = {};
  for (const [name, { url, headers, body }] of Object.entries(calls)) {
    try {
      const response = await fetch(url, { method: "POST", headers, body: Uint8Array.from(body) });
      report[name] = [response.status, response.headers.get("content-type").split(";")[0]];
    } catch (error) {
      report[name] = [0, String(error)];
    }
  }
  await fetch("/", { method: "POST", body: JSON.stringify(report) });
</script>
"""


@pytest.fixture(scope="module")
def chromium() -> str:
    try:
        return find_chromium()
    except UnavailableError as lack:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the browser must run: {lack}", pytrace=False)
        pytest.skip(f"the browser does not run here: {lack}")


def key_hash(pair: Pair) -> str:
    """Return what Chromium calls the hash of a server's key."""
    key = x509.load_pem_x509_certificate(pair.certificate).public_key()
    return base64.b64encode(
        hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    ).decode()


def calls(base: str) -> dict[str, Any]:
    message = action_service_pb2.ListTargetsRequest().SerializeToString()
    token = {"Authorization": f"Bearer {ADMIN_TOKEN}"}

    def call(path: str, content_type: str, body: bytes, headers: dict[str, str] = token) -> dict[str, Any]:
        return {"url": base + path, "headers": {"Content-Type": content_type, **headers}, "body": list(body)}

    return {
        "json": call("/v3alpha/targets/search", "application/json", b"{}"),
        "connect": call(RPC, "application/json", b"{}"),
        "connect with protobuf": call(RPC, "application/proto", message),
        "grpc-web": call(RPC, "application/grpc-web+proto", b"\0" + len(message).to_bytes(4) + message),
        "without a token": call("/v3alpha/targets/search", "application/json", b"{}", {}),
    }


@pytest.mark.parametrize("client_auth", ["none", "request"])
def test_a_page_calls_over_tls(chromium: str, tmp_path: Path, client_auth: str) -> None:
    site = tmp_path / "site"
    site.mkdir()
    cert, key = PAIR.write(tmp_path, "server")
    flags = ["--tls-cert", str(cert), "--tls-key", str(key)]
    if client_auth != "none":
        flags += ["--tls-client-auth", client_auth, "--tls-client-ca", str(cert)]
    with (
        PageServer(site) as pages,
        ServerProcess(tmp_path, *flags, "--cors-origin", pages.origin("localhost")) as server,
    ):
        made = calls(f"https://localhost:{server.http_port}")
        (site / "index.html").write_text(PAGE % json.dumps(made))
        trust = f"--ignore-certificate-errors-spki-list={key_hash(PAIR)}"
        report = visit(chromium, pages, f"{pages.origin('localhost')}/", tmp_path / "scratch", trust).report
    assert report == {
        "json": [200, "application/json"],
        "connect": [200, "application/json"],
        "connect with protobuf": [200, "application/proto"],
        "grpc-web": [200, "application/grpc-web+proto"],
        "without a token": [401, "application/json"],
    }


def test_a_page_does_not_call_a_server_that_the_browser_does_not_trust(chromium: str, tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    cert, key = PAIR.write(tmp_path, "server")
    with (
        PageServer(site) as pages,
        ServerProcess(
            tmp_path, "--tls-cert", str(cert), "--tls-key", str(key), "--cors-origin", pages.origin("localhost")
        ) as server,
    ):
        (site / "index.html").write_text(PAGE % json.dumps(calls(f"https://localhost:{server.http_port}")))
        report = visit(chromium, pages, f"{pages.origin('localhost')}/", tmp_path / "scratch").report
    assert {status for status, _ in report.values()} == {0}

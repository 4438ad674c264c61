"""What comes of other configurations than the shipped one: no call passes unseen, and the log names the setting."""

import base64
import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.support.proxied.clients import call, call_over, call_web
from tests.support.proxied.shop import CHAT, PLACE, UPLOAD, WATCH, order
from tests.support.proxied.system import FILE, Edit, System, replaced, uncommented
from tests.support.servers.envoy import ROOT
from tests.support.targets.answers import ok

FILTER = "                  - name: envoy.filters.http.ext_proc\n"
WEB_FILTER = "                  - name: envoy.filters.http.grpc_web\n"
ROUTER = "                  - name: envoy.filters.http.router\n"
FAIL_OPEN = replaced("failure_mode_allow: false", "failure_mode_allow: true")


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    flags = ("--ext-proc-user-header", "x-user-id", "--ext-proc-org-claim", "org")
    with System(tmp_path_factory.mktemp("system"), *flags) as system:
        yield system
    assert "Traceback" not in system.server.stderr, system.server.stderr


@pytest.fixture
def system(started: System) -> Iterator[System]:
    yield started
    started.forget()


def mode(of: str, shipped: str, other: str) -> Edit:
    return replaced(f"{of}: {shipped}", f"{of}: {other}")


REQUEST_NONE = mode("request_body_mode", "BUFFERED", "NONE")
RESPONSE_NONE = mode("response_body_mode", "STREAMED", "NONE")


def both(other: str) -> tuple[Edit, ...]:
    return (
        mode("request_body_mode", "BUFFERED", other),
        mode("response_body_mode", "STREAMED", other),
        replaced(
            "response_trailer_mode: SEND",
            "response_trailer_mode: SEND\n                        request_trailer_mode: SEND",
        ),
        replaced("allow_mode_override: true", "allow_mode_override: false"),
    )


@pytest.mark.parametrize(
    ("edits", "kind", "path", "line"),
    [
        ((REQUEST_NONE,), "request", PLACE, "request_body_mode to BUFFERED"),
        ((REQUEST_NONE,), "response", PLACE, "request_body_mode to BUFFERED"),
        ((RESPONSE_NONE,), "response", PLACE, "response_body_mode to STREAMED"),
        ((mode("response_body_mode", "STREAMED", "BUFFERED"),), "response", WATCH, "for the last one"),
        (
            (mode("request_body_mode", "BUFFERED", "BUFFERED_PARTIAL"),),
            "request",
            PLACE,
            "request_body_mode to BUFFERED",
        ),
        (both("FULL_DUPLEX_STREAMED"), "request", PLACE, "FULL_DUPLEX_STREAMED"),
        (both("GRPC"), "request", PLACE, "in the mode GRPC"),
        (
            (replaced("request_header_mode: SEND", "request_header_mode: SKIP"),),
            "request",
            PLACE,
            "request_header_mode",
        ),
    ],
    ids=["no request", "no request for a response", "no response", "late", "partial", "duplex", "grpc", "no headers"],
)
def test_a_mode_that_would_hide_a_message_refuses_the_call_and_the_log_names_it(
    system: System, edits: tuple[Edit, ...], kind: str, path: str, line: str
) -> None:
    system.set(kind, path, system.target("/status/500"))
    before = len(system.shop.orders)
    with system.envoy_with(*edits) as envoy:
        outcome = call(envoy.port, path, order(id="1", count=2))
        assert (outcome.code, outcome.message, outcome.receipts) == (14, "the call cannot be checked", [])
        system.wait_for_log(line)
        # The next call goes the same way, although the log has no second line.
        assert call(envoy.port, path, order(id="1", count=2)).code == 14
    assert len(system.shop.orders) == before


def test_the_response_without_its_headers_never_reaches_the_client(system: System) -> None:
    system.set("response", PLACE, system.target("/status/500"))
    with system.envoy_with(replaced("response_header_mode: SEND", "response_header_mode: SKIP")) as envoy:
        outcome = call(envoy.port, PLACE, order(id="1"))
        assert outcome.code != 0
        assert outcome.receipts == []
        system.wait_for_log("response_header_mode to SEND")


def test_trailers_that_are_not_sent_are_noticed_and_the_refused_message_is_not_passed_on(system: System) -> None:
    system.targets.script("/second", ok(), ok(status=500))
    system.set("response", WATCH, system.target("/second"))
    with system.envoy_with(replaced("response_trailer_mode: SEND", "response_trailer_mode: SKIP")) as envoy:
        outcome = call(envoy.port, WATCH, order(id="1", count=4))
        assert [receipt.id for receipt in outcome.receipts] == ["1-0"]
        system.wait_for_log("response_trailer_mode to SEND")


def test_streams_of_requests_are_checked_without_the_override_too(system: System) -> None:
    system.targets.script("/change", ok(b'{"id": "x"}'))
    system.set("request", UPLOAD, system.target("/change"))
    with system.envoy_with(replaced("allow_mode_override: true", "allow_mode_override: false")) as envoy:
        (receipt,) = call(envoy.port, UPLOAD, order(id="1"), order(id="2")).receipts
        assert receipt.id == "x,x"


@pytest.mark.parametrize("path", [PLACE, UPLOAD, WATCH, CHAT])
def test_streamed_requests_are_served_as_well_as_buffered_ones(system: System, path: str) -> None:
    system.targets.script("/change", ok(b'{"data": "eA=="}'))
    system.set("request", path, system.target("/change"))
    with system.envoy_with(mode("request_body_mode", "BUFFERED", "STREAMED")) as envoy:
        assert call(envoy.port, path, order(id="1", count=2, data=bytes(200_000))).code == 0
        assert system.shop.orders[-1].data == b"x"


def test_a_call_without_an_execution_passes_in_any_mode(system: System) -> None:
    with system.envoy_with(REQUEST_NONE, RESPONSE_NONE) as envoy:
        assert call(envoy.port, PLACE, order(id="1")).code == 0


@pytest.mark.parametrize("allow", [(), (FAIL_OPEN,)], ids=["fail-closed", "fail-open"])
@pytest.mark.parametrize("token", ["wrong", "-"])
def test_an_envoy_without_a_valid_token_lets_no_call_pass(system: System, token: str, allow: tuple[Edit, ...]) -> None:
    before = len(system.shop.orders)
    with system.envoy_with(*allow, token=token) as envoy:
        for way in ("grpc", "grpc-web", "json"):
            outcome = call_over(way, envoy.port, order(id="1"))
            assert (outcome.code, outcome.message) == (14, "the call cannot be checked"), way
    system.wait_for_log("grpc_service.initial_metadata")
    assert len(system.shop.orders) == before
    assert "wrong" not in system.server.stderr


def _before_web(text: str) -> str:
    block = text[text.index(FILTER) : text.index(ROUTER)]
    return text.replace(block, "").replace(WEB_FILTER, block + WEB_FILTER)


def test_a_filter_in_front_of_grpc_web_refuses_what_it_cannot_read(system: System) -> None:
    system.targets.script("/change", ok(b'{"id": "x"}'))
    system.set("request", PLACE, system.target("/change"))
    with system.envoy_with(_before_web) as envoy:
        assert call_web(envoy.port, PLACE, order(id="1")).code == 14
        system.wait_for_log("put it behind envoy.filters.http.grpc_web")
        (receipt,) = call(envoy.port, PLACE, order(id="1")).receipts
        assert receipt.id == "x"


# Who calls.


def _packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _token(key: rsa.RSAPrivateKey, **claims: Any) -> str:
    head = {"alg": "RS256", "kid": "1", "typ": "JWT"}
    text = ".".join(_packed(json.dumps(part).encode()) for part in (head, claims))
    return f"{text}.{_packed(key.sign(text.encode(), padding.PKCS1v15(), SHA256()))}"


def test_the_user_and_the_organization_of_a_token_that_envoy_has_verified(system: System) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    numbers = key.public_key().public_numbers()
    public = {"kty": "RSA", "kid": "1", "alg": "RS256"}
    public["n"], public["e"] = (
        _packed(value.to_bytes((value.bit_length() + 7) // 8)) for value in (numbers.n, numbers.e)
    )
    keys = json.dumps({"keys": [public]})
    edits = (
        uncommented("- name: envoy.filters.http.jwt_authn", 12),
        replaced("local_jwks: {filename: jwks.json}  # or remote_jwks", f"local_jwks: {{inline_string: '{keys}'}}"),
    )
    system.set("request", PLACE, system.target("/ok"))
    good = {"iss": "https://login.example.com", "aud": "shop", "exp": int(time.time()) + 600}
    with system.envoy_with(*edits) as envoy:
        token = _token(key, sub="user-1", org="org-1", **good)
        headers = (("authorization", f"Bearer {token}"), ("x-user-id", "somebody-else"))
        assert call(envoy.port, PLACE, order(id="1"), headers=headers).code == 0
        body = json.loads(system.targets.requests[-1].body)
        assert (body["userID"], body["orgID"]) == ("user-1", "org-1")
        before = len(system.targets.requests)
        other = _token(rsa.generate_private_key(public_exponent=65537, key_size=2048), sub="user-1", **good)
        assert call(envoy.port, PLACE, order(id="1"), headers=(("authorization", f"Bearer {other}"),)).code == 16
        assert len(system.targets.requests) == before


def test_a_header_that_the_operator_believes_unless_envoy_removes_it(system: System) -> None:
    system.set("request", PLACE, system.target("/ok"))
    headers = (("x-user-id", "user-2"),)
    assert call(system.port, PLACE, order(id="1"), headers=headers).code == 0
    assert json.loads(system.targets.requests[-1].body)["userID"] == "user-2"


# What Envoy does by itself.


def test_an_actiond_that_is_not_there_makes_calls_unavailable(system: System) -> None:
    nobody = replaced(f"port_value: {system.server.grpc_port}", "port_value: 1")
    with system.envoy_with(nobody) as envoy:
        assert call(envoy.port, PLACE, order(id="1")).code == 14
    with system.envoy_with(nobody, FAIL_OPEN) as envoy:
        assert call(envoy.port, PLACE, order(id="1")).code == 0


def test_a_service_may_go_without_the_filter(system: System) -> None:
    system.set("request", PLACE, system.target("/status/500"))
    edits = (
        uncommented("- match: {prefix: /shop.v1.Catalog/}", 6),
        replaced("/shop.v1.Catalog/", "/shop.v1.Shop/Watch"),
        lambda text: text.replace("prefix: /shop.v1.Shop/Watch", "prefix: /shop.v1.Shop/Place"),
    )
    with system.envoy_with(*edits) as envoy:
        assert call(envoy.port, PLACE, order(id="1")).code == 0


# The file itself.


def test_the_clusters_that_the_file_names_are_there() -> None:
    text = (ROOT / FILE).read_text()
    clusters = set(re.findall(r"^    - name: (\w+)$", text.partition("\n  clusters:\n")[2], re.MULTILINE))
    assert clusters == {"service", "actiond"}
    assert re.findall(r"cluster_name: (\w+)", text).count("actiond") == 2


def test_the_filters_are_in_their_order() -> None:
    text = (ROOT / FILE).read_text()
    named = re.findall(r"^ +- name: envoy\.filters\.http\.(\w+)$", text, re.MULTILINE)
    assert named == ["cors", "grpc_web", "grpc_json_transcoder", "ext_proc", "router"]

"""What a target receives."""

import base64
import logging
import time

import pytest

from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import TargetType
from actiond.client.signature import HEADER, SignatureError, verify
from actiond.delivery.http1.endpoints import read_endpoint
from actiond.secrets.sealing import Sealer
from tests.delivery.client.callers import AGENT, SEALER, Caller, MakeCaller, target
from tests.support.targets.certificates import Authority
from tests.support.targets.server import TargetServer


def _key(text: str, *, sealer: Sealer = SEALER, expires_in: float | None = None) -> SigningKey:
    expires_at = None if expires_in is None else time.time_ns() + int(expires_in * 1e9)
    return SigningKey(sealer.seal("1", text), expires_at)


STRANGE = _key("strange", sealer=Sealer([b"other" + b"k" * 27]))


async def test_a_request_has_the_headers_that_are_promised_and_no_others(caller: Caller, server: TargetServer) -> None:
    await caller.call(target(server.url("/ok?a=b%2Fc")), body=b'{"a": 1}', keys=[_key("one")])
    (request,) = server.requests
    headers = dict(request.headers)
    assert (request.method, request.path, request.body) == ("POST", "/ok?a=b%2Fc", b'{"a": 1}')
    assert headers.pop(HEADER.lower()).startswith("t=")
    assert headers == {
        "host": f"127.0.0.1:{server.port}",
        "content-type": "application/json",
        "content-length": "8",
        "user-agent": AGENT,
        "accept": "*/*",
        "accept-encoding": "identity",
    }


async def test_a_large_body_arrives_whole(caller: Caller, server: TargetServer) -> None:
    body = bytes(range(256)) * 40_000
    await caller.call(target(server.url("/ok")), body=body)
    assert server.requests[0].body == body
    assert server.requests[0].header("content-type") == "application/json"


async def test_the_signature_is_over_the_bytes_that_were_sent(caller: Caller, server: TargetServer) -> None:
    await caller.call(target(server.url("/ok")), body=b'{ "a": 1 }', keys=[_key("one")])
    (request,) = server.requests
    verify(request.header(HEADER), request.body, "one")


async def test_every_key_that_is_valid_signs(caller: Caller, server: TargetServer) -> None:
    keys = [_key("new"), _key("old", expires_in=3600), _key("expired", expires_in=-1)]
    await caller.call(target(server.url("/ok")), keys=keys)
    (request,) = server.requests
    verify(request.header(HEADER), request.body, "new")
    verify(request.header(HEADER), request.body, "old")
    with pytest.raises(SignatureError):
        verify(request.header(HEADER), request.body, "expired")


@pytest.mark.parametrize("keys", [[], [_key("expired", expires_in=-1)]], ids=["no key", "expired keys alone"])
async def test_no_call_is_sent_unsigned_and_the_log_says_why_once(
    keys: list[SigningKey], caller: Caller, server: TargetServer, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert await caller.outcome(target(server.url("/ok")), keys=keys) == "key_unavailable"
    assert server.accepted == 0
    (record,) = [record for record in caplog.records if record.name.startswith("actiond.delivery")]
    assert "signing key of target 1 is missing" in record.getMessage()


async def test_a_target_whose_key_does_not_open_is_not_called_and_the_log_says_so_once(
    caller: Caller, server: TargetServer, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        assert await caller.outcome(target(server.url("/ok")), keys=[STRANGE]) == "key_unavailable"
    assert server.accepted == 0
    (record,) = [record for record in caplog.records if record.name.startswith("actiond.delivery")]
    assert record.levelno == logging.ERROR
    assert "target 1 " in record.getMessage()


async def test_one_key_that_opens_is_enough(caller: Caller, server: TargetServer) -> None:
    assert await caller.outcome(target(server.url("/ok")), keys=[_key("new"), STRANGE]) == "ok"
    (request,) = server.requests
    verify(request.header(HEADER), request.body, "new")


CREDENTIALS = {
    "user:p%40ss": b"user:p@ss",
    "user": b"user:",
    ":password": b":password",
    "us%C3%A9r:x": b"us\xc3\xa9r:x",
    "user:%E2%82%AC": b"user:\xe2\x82\xac",
    "üser:ß": "üser:ß".encode(),
    "user:%ff": b"user:\xff",
    "user:a%3Ab": b"user:a:b",
    "user:a:b": b"user:a:b",
    "user:100%25": b"user:100%",
    "a+b:c+d": b"a+b:c+d",
}


@pytest.mark.parametrize("written", CREDENTIALS)
async def test_user_and_password_are_sent_as_the_octets_that_the_endpoint_has(
    written: str, caller: Caller, server: TargetServer
) -> None:
    await caller.call(target(server.url("/ok").replace("//", f"//{written}@")))
    (request,) = server.requests
    assert request.header("authorization") == "Basic " + base64.b64encode(CREDENTIALS[written]).decode()


@pytest.mark.parametrize("kind", TargetType)
async def test_a_user_with_a_colon_fails_the_call_and_no_more(
    kind: TargetType, caller: Caller, server: TargetServer
) -> None:
    called = target(server.url("/ok").replace("//", "//us%3Aer:pw@"), kind, interrupts=False)
    assert await caller.outcome(called) == "address_denied"
    assert [call.is_ignored for call in caller.told] == [True]


@pytest.mark.parametrize(
    ("host", "sent"), [("localhost.", "localhost."), ("localhost", "localhost"), ("127.0.0.1", "127.0.0.1")]
)
async def test_the_host_is_sent_as_it_is_written(host: str, sent: str, caller: Caller, server: TargetServer) -> None:
    assert await caller.outcome(target(server.url("/ok", host=host))) == "ok"
    assert server.requests[0].header("host") == f"{sent}:{server.port}"


async def test_a_host_with_a_dot_at_its_end_has_the_certificate_of_the_name_without(
    authority: Authority, make_caller: MakeCaller
) -> None:
    caller = await make_caller(ssl_context=authority.trust())
    async with TargetServer(tls=authority.good()) as server:
        assert await caller.outcome(target(server.url("/ok", host="localhost."))) == "ok"
        assert server.requests[0].header("host") == f"localhost.:{server.port}"


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("http://example.com/", b"example.com"),
        ("http://example.com:80/", b"example.com"),
        ("https://example.com:443/", b"example.com"),
        ("https://Example.COM:80/", b"example.com:80"),
        ("https://[2606:4700::1111]/", b"[2606:4700::1111]"),
        ("https://[2606:4700::1111]:8443/", b"[2606:4700::1111]:8443"),
        ("https://bücher.example/", b"xn--bcher-kva.example"),
    ],
)
def test_the_port_is_part_of_the_host_unless_it_is_the_schemes_own(endpoint: str, host: bytes) -> None:
    assert b"Host: " + host + b"\r\n" in read_endpoint(endpoint).head


async def test_one_targets_credentials_do_not_reach_another_on_the_same_connection(
    caller: Caller, server: TargetServer
) -> None:
    await caller.call(target(server.url("/ok").replace("//", "//user:password@")))
    await caller.call(target(server.url("/ok"), target_id="2"))
    assert [request.connection for request in server.requests] == [1, 1]
    assert server.requests[1].header("authorization") is None


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("", "/"),
        ("?a=b", "/?a=b"),
        ("/a%2fb%41//c/../d?e=%2F%20+;&f", "/a%2fb%41//c/../d?e=%2F%20+;&f"),
        ("/a#b", "/a"),
        ("/ä b", "/%C3%A4%20b"),
    ],
)
async def test_the_path_is_sent_as_it_is_written(written: str, sent: str, caller: Caller, server: TargetServer) -> None:
    await caller.outcome(target(server.url(written)))
    assert server.paths() == [sent]


async def test_cookies_are_not_kept(caller: Caller, server: TargetServer) -> None:
    for _ in range(2):
        await caller.call(target(server.url("/cookie")))
    assert server.requests[1].header("cookie") is None


async def test_a_redirect_is_not_followed(caller: Caller, server: TargetServer) -> None:
    await caller.outcome(target(server.url("/redirect")))
    assert server.paths() == ["/redirect"]


async def test_a_proxy_of_the_environment_is_not_used(
    caller: Caller, server: TargetServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert await caller.outcome(target(server.url("/ok"))) == "ok"

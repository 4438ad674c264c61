"""OpenID discovery and the key set: the issuer, and how long each may be cached."""

import json
from typing import Any

import pytest

from actiond.actions.instance_keys import InstanceKey, KeyAlgorithm
from actiond.api.openid import OpenidEndpoints
from actiond.secrets.instance_key_ring import InstanceKeyRing
from actiond.secrets.sealing import Sealer
from actiond.storage.memory import MemoryStore
from rpcfront import HttpRequest, HttpResponse, StatusError
from tests.support.samples import an_instance_key, put_instance_key

EXTERNAL = "https://actions.example/base"


class Request(HttpRequest):
    """A request to a host, over a scheme."""

    def __init__(self, host: str | None = "a.example:8080", scheme: str = "http", root_path: str = "") -> None:
        super().__init__("GET", "/", [] if host is None else [("host", host)])
        self._scheme = scheme
        self.root_path = root_path

    @property
    def scheme(self) -> str:
        return self._scheme


async def endpoints(*keys: InstanceKey, external_url: str = "", prefix: str = "") -> OpenidEndpoints:
    store = MemoryStore()
    for key in keys:
        await store.write(put_instance_key(key))
    return OpenidEndpoints(InstanceKeyRing(store, Sealer([b"1" * 32])), external_url, prefix)


def document(response: HttpResponse) -> Any:
    assert (response.status, dict(response.headers)["content-type"]) == (200, "application/json")
    return json.loads(response.body)


def caching(response: HttpResponse) -> str:
    return dict(response.headers)["cache-control"]


async def test_the_discovery_document_has_what_is_there_and_no_more() -> None:
    keys = [an_instance_key("a"), InstanceKey("b", KeyAlgorithm.EDDSA, "{}", b"", 2, 2)]
    response = await (await endpoints(*keys)).discovery(Request())
    assert document(response) == {
        "issuer": "http://a.example:8080",
        "jwks_uri": "http://a.example:8080/oauth/v2/keys",
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256", "EdDSA"],
    }


@pytest.mark.parametrize(
    ("request_", "prefix", "issuer"),
    [
        (Request("a.example", "https"), "", "https://a.example"),
        (Request("A.example.:443", "https"), "", "https://A.example.:443"),
        (Request("192.0.2.1:80"), "", "http://192.0.2.1:80"),
        (Request("[2001:db8::1]:8080"), "", "http://[2001:db8::1]:8080"),
        (Request("a.example"), "/api", "http://a.example/api"),
        (Request("a.example", root_path="/mounted"), "/api", "http://a.example/api/mounted"),
    ],
)
async def test_the_issuer_is_where_the_request_was_sent_to(request_: Request, prefix: str, issuer: str) -> None:
    response = await (await endpoints(prefix=prefix)).discovery(request_)
    assert (document(response)["issuer"], document(response)["jwks_uri"]) == (issuer, f"{issuer}/oauth/v2/keys")
    assert caching(response) == "private, max-age=240"


@pytest.mark.parametrize(
    "host", [None, "", ":80", "a b", "a/b", "a@b", "a.example:65536", "a..b", "[::1", "a%20b", "a'"]
)
async def test_a_host_that_is_no_authority_is_refused(host: str | None) -> None:
    found = await endpoints()
    with pytest.raises(StatusError) as caught:
        await found.discovery(Request(host))
    assert "Host" in caught.value.status.message


async def test_the_external_url_is_the_issuer_whatever_the_request_says() -> None:
    found = await endpoints(external_url=EXTERNAL, prefix="/api")
    for request in (Request("evil.example"), Request(None)):
        response = await found.discovery(request)
        assert (document(response)["issuer"], document(response)["jwks_uri"]) == (EXTERNAL, f"{EXTERNAL}/oauth/v2/keys")
        assert caching(response) == "public, max-age=240"


async def test_the_key_set_has_the_published_keys_and_may_be_cached_until_a_new_key_signs() -> None:
    expired = InstanceKey("c", KeyAlgorithm.ES256, '{"kid":"c"}', b"", 0, 0, expires_at_ns=1)
    found = await endpoints(an_instance_key("a"), an_instance_key("b", created_at_ns=2), expired)
    response = await found.key_set(Request())
    assert document(response) == {"keys": [{"kid": "b"}, {"kid": "a"}]}
    assert caching(response) == "public, max-age=240"

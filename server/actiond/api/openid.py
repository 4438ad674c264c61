"""Where receivers find the instance keys: OpenID discovery, and the JSON Web Key set that it names.

Both paths need no token. They are served from what the process knows of the keys, so that nobody can make the store
busy with them.
"""

import json
import re
from collections.abc import Mapping, Sequence

from google.rpc import code_pb2

from actiond.actions.instance_keys import CACHED_SECONDS, InstanceKey
from actiond.secrets.instance_key_ring import InstanceKeyRing
from rpcfront import Handler, HttpRequest, HttpResponse, status_error

DISCOVERY_PATH = "/.well-known/openid-configuration"
"""OpenID Connect Discovery 1.0, section 4."""
KEYS_PATH = "/oauth/v2/keys"
"""The same path as ZITADEL's."""

_AUTHORITY = re.compile(r"(?:[A-Za-z0-9_~-]+(?:\.[A-Za-z0-9_~-]+)*\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")


class OpenidEndpoints:
    """Serves the two paths."""

    def __init__(self, keys: InstanceKeyRing, external_url: str, prefix: str) -> None:
        """`external_url` is the issuer; if it is empty, it is where a request was sent to, and the prefix."""
        self._keys = keys
        self._external_url = external_url
        self._prefix = prefix

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers by path."""
        return {DISCOVERY_PATH: self.discovery, KEYS_PATH: self.key_set}

    async def discovery(self, request: HttpRequest) -> HttpResponse:
        """Return what there is of an OpenID provider: its keys. Raises StatusError and StoreError."""
        issuer = self._external_url or f"{_origin(request)}{self._prefix}{request.root_path}"
        document = {
            "issuer": issuer,
            "jwks_uri": f"{issuer}{KEYS_PATH}",
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": _algorithms(await self._keys.published()),
        }
        # A cache that others share must not keep what one client has written into its request.
        return _response(json.dumps(document), "public" if self._external_url else "private")

    async def key_set(self, _request: HttpRequest) -> HttpResponse:
        """Return the published keys as a JWK set (RFC 7517). Raises StoreError."""
        keys = await self._keys.published()
        return _response(f'{{"keys":[{",".join(key.public_jwk for key in keys)}]}}', "public")


def _algorithms(keys: Sequence[InstanceKey]) -> list[str]:
    return sorted({key.algorithm.value for key in keys})


def _origin(request: HttpRequest) -> str:
    """Return where a request was sent to. Raise StatusError if it does not say so."""
    match = _AUTHORITY.fullmatch(request.authority)
    if match is None or int(match[1] or 0) > 65_535:
        raise status_error(code_pb2.INVALID_ARGUMENT, "the Host must be a name or an address, with a port if need be")
    return f"{request.scheme}://{request.authority}"


def _response(body: str, scope: str) -> HttpResponse:
    headers = [("content-type", "application/json"), ("cache-control", f"{scope}, max-age={CACHED_SECONDS}")]
    return HttpResponse(200, headers, body.encode())

"""Authentication and authorization of calls, before their bodies are read."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from actiond.actions.errors import TokenInvalidError
from actiond.actions.tokens import Caller
from actiond.actions.use_cases.tokens import Tokens
from actiond.api.certificate_names import certificate_names
from actiond.api.permissions import AUTHENTICATED, permission
from rpcfront import HttpRequest, ServicerContext


class Authenticator:
    """Authenticates a call, and requires that its token holds the method's permission.

    The token is the one in the Authorization header, or without that header the one that is bound to the certificate.
    The constructor raises ServiceError for a method of `services` whose proto names no permission.
    """

    def __init__(
        self,
        tokens: Tokens,
        services: Iterable[ServiceDescriptor],
        beside: Mapping[ServiceDescriptor, str | None] | None = None,
        refusing_themselves: Mapping[ServiceDescriptor, Callable[[Exception], object]] | None = None,
    ) -> None:
        """Take the services of the API, and those beside it with the permission that their methods require.

        Calls of the services of `beside` have no caller, so that no execution runs for them. Where the permission is
        None, no token is looked at. Those of `refusing_themselves` are services of the API, whose calls go on without a
        caller if authentication fails: their functions are given the error.
        """
        self._tokens = tokens
        self._refusing_themselves = {
            method.full_name: refused
            for service, refused in (refusing_themselves or {}).items()
            for method in service.methods
        }
        self._permissions: dict[str, str | None] = {
            method.full_name: required for service, required in (beside or {}).items() for method in service.methods
        }
        self._beside = frozenset(self._permissions)
        self._permissions |= {method.full_name: permission(method) for method in _methods(services)}

    async def __call__(self, method: MethodDescriptor, context: ServicerContext) -> Caller | None:
        """Return the caller; None for a method beside the API. Raises the domain's errors."""
        name = method.full_name
        refused = self._refusing_themselves.get(name)
        if refused is None:
            return await self._caller(name, context)
        try:
            return await self._caller(name, context)
        except Exception as error:  # noqa: BLE001  # whatever it is, the servicer has to refuse the call
            refused(error)
            return None

    async def _caller(self, name: str, context: ServicerContext) -> Caller | None:
        required = self._permissions[name]
        if required is None:
            return None
        authorization = context.authorization()
        names = () if authorization else certificate_names(context.auth_context(), context.invocation_metadata)
        caller = await _authenticate(self._tokens, authorization, names)
        if required != AUTHENTICATED:
            caller.token.require(required)
        return None if name in self._beside else caller


def _methods(services: Iterable[ServiceDescriptor]) -> Iterator[MethodDescriptor]:
    return (method for service in services for method in service.methods)


def permission_holders(tokens: Tokens, required: str) -> Callable[[HttpRequest], Awaitable[None]]:
    """Return a check of HTTP requests that raises the domain's errors unless the token holds the permission."""

    async def authorize(request: HttpRequest) -> None:
        authorization = request.header_values("authorization")
        names = () if authorization else certificate_names(request.security.auth_context, request.headers)
        caller = await _authenticate(tokens, authorization, names)
        caller.token.require(required)

    return authorize


async def _authenticate(tokens: Tokens, authorization: Sequence[str], names: Iterable[str]) -> Caller:
    """Return the caller with these Authorization headers, or without one, with these names in its certificate.

    Raises TokenInvalidError if there is more than one header.
    """
    if len(authorization) > 1:
        raise TokenInvalidError
    if authorization:
        return await tokens.authenticate(authorization[0])
    return await tokens.authenticate_certificate(names)

"""Authentication and authorization of calls, before their bodies are read."""

from collections.abc import Awaitable, Callable, Iterable, Iterator

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from actiond.actions.errors import TokenInvalidError
from actiond.actions.tokens import Caller
from actiond.actions.use_cases.tokens import Tokens
from actiond.api.permissions import permission
from rpcfront import HttpRequest, ServicerContext


class Authenticator:
    """Authenticates a call by its token, and requires that the token holds the method's permission.

    Calls of the methods of `public` have no caller, whatever token they bring. The constructor raises ServiceError for
    a method of `services` whose proto names no permission.
    """

    def __init__(
        self, tokens: Tokens, services: Iterable[ServiceDescriptor], public: Iterable[ServiceDescriptor] = ()
    ) -> None:
        self._tokens = tokens
        self._permissions: dict[str, str | None] = {method.full_name: None for method in _methods(public)}
        self._permissions |= {method.full_name: permission(method) for method in _methods(services)}

    async def __call__(self, method: MethodDescriptor, context: ServicerContext) -> Caller | None:
        """Return the caller; None for a public method. Raises the domain's errors."""
        required = self._permissions[method.full_name]
        if required is None:
            return None
        caller = await _authenticate(self._tokens, context.authorization())
        caller.token.require(required)
        return caller


def _methods(services: Iterable[ServiceDescriptor]) -> Iterator[MethodDescriptor]:
    return (method for service in services for method in service.methods)


def permission_holders(tokens: Tokens, required: str) -> Callable[[HttpRequest], Awaitable[None]]:
    """Return a check of HTTP requests that raises the domain's errors unless the token holds the permission."""

    async def authorize(request: HttpRequest) -> None:
        caller = await _authenticate(tokens, request.header_values("authorization"))
        caller.token.require(required)

    return authorize


async def _authenticate(tokens: Tokens, authorization: list[str]) -> Caller:
    """Return the caller with these Authorization headers. Raises TokenInvalidError if there is more than one."""
    if len(authorization) > 1:
        raise TokenInvalidError
    return await tokens.authenticate(authorization[0] if authorization else None)

"""Who calls, and whether that caller may: the gateway's hook before every call's body."""

from google.protobuf.descriptor import MethodDescriptor

from actiond.actions.errors import TokenInvalidError
from actiond.actions.tokens import Token
from actiond.actions.use_cases.tokens import Tokens
from actiond.api.permissions import permission
from actiond.api.served import SERVICES
from rpcfront import ServicerContext


class Authenticator:
    """Finds a call's token and holds it to the method's permission.

    Raises ServiceError, when made, for a method of ours whose proto names no permission.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._permissions = {method.full_name: permission(method) for service in SERVICES for method in service.methods}

    async def __call__(self, method: MethodDescriptor, context: ServicerContext) -> Token:
        """The caller's token. Raises the domain's errors."""
        values = context.authorization()
        if len(values) > 1:
            raise TokenInvalidError
        token = await self._tokens.authenticate(values[0] if values else None)
        token.require(self._permissions[method.full_name])
        return token

"""What other programs import of actiond: the verifier of signed calls, interceptors, and a typed client.

It needs nothing of what serves: `pip install actiond` is enough. `actiond.client.aio` is the same for `grpc.aio`.

Verifying needs the standard library alone, so what needs grpcio is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from actiond.client.signature import HEADER, SignatureError, verify, whsec
from actiond.client.signing_keys import signing_key

if TYPE_CHECKING:
    # As `__getattr__` loads them.
    from actiond.client.client import Client
    from actiond.client.interceptors.settings import CHANNEL_OPTIONS, User
    from actiond.client.interceptors.threads import ActionsInterceptor
    from actiond.client.problems import Problem, problem_of

__all__ = [
    "CHANNEL_OPTIONS",
    "HEADER",
    "ActionsInterceptor",
    "Client",
    "Problem",
    "SignatureError",
    "User",
    "problem_of",
    "signing_key",
    "verify",
    "whsec",
]

_MODULES = {
    "ActionsInterceptor": "actiond.client.interceptors.threads",
    "CHANNEL_OPTIONS": "actiond.client.interceptors.settings",
    "Client": "actiond.client.client",
    "Problem": "actiond.client.problems",
    "User": "actiond.client.interceptors.settings",
    "problem_of": "actiond.client.problems",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)

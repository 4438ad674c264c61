"""The same service built with Connect for Python, as ASGI and WSGI, for the servers that `connect.py` starts.

Its code is generated when the bench runs, into a package on PYTHONPATH. It runs in processes without actiond's
protobuf modules.
"""

from importlib import import_module
from typing import Any

from bench.constants import NANOS, OWNER, SECONDS, TARGET_ID

PACKAGE = "connect_generated"


def _respond() -> Any:
    """Return a function that creates the response of a call."""
    messages: Any = import_module(f"{PACKAGE}.zitadel.action.v3alpha.action_service_pb")
    details: Any = import_module(f"{PACKAGE}.zitadel.object.v2.object_pb").Details
    timestamp: Any = import_module("protobuf.wkt.google.protobuf.timestamp_pb").Timestamp

    def respond() -> Any:
        changed = timestamp(seconds=SECONDS, nanos=NANOS)
        return messages.CreateTargetResponse(
            id=TARGET_ID, details=details(sequence=1, change_date=changed, resource_owner=OWNER)
        )

    return respond


def asgi() -> Any:
    """Return the ASGI application."""
    respond = _respond()
    generated: Any = import_module(f"{PACKAGE}.zitadel.action.v3alpha.action_service_connect")

    class Service(generated.ActionService):  # type: ignore[misc]  # known at run time only
        async def create_target(self, _request: Any, _context: Any) -> Any:
            return respond()

    return generated.ActionServiceASGIApplication(Service())


def wsgi() -> Any:
    """Return the WSGI application."""
    respond = _respond()
    generated: Any = import_module(f"{PACKAGE}.zitadel.action.v3alpha.action_service_connect")

    class Service(generated.ActionServiceSync):  # type: ignore[misc]  # known at run time only
        def create_target(self, _request: Any, _context: Any) -> Any:
            return respond()

    return generated.ActionServiceWSGIApplication(Service())

"""What sonora does wrong by itself: each check is passed by the gateway, and failed by sonora alone."""

from typing import Any

import grpc
import sonora.wsgi

from rpcfront import Gateway
from tests.rpcfront.bare_sonora import SERVICE, Servicer, bare, call, gateway, handlers
from tests.rpcfront.cases import sonora as defects
from tests.rpcfront.cases.grpc_web_call import frame
from tests.rpcfront.cases.rows import parametrize
from tests.support.services.fixture_protos import fixture_pool

ALL = [*defects.HEADS, *defects.BODIES, *defects.SERVICERS, *defects.PAGES]


@parametrize(ALL)
def test_the_gateway_does_right(row: defects.Check) -> None:
    assert row.passes(gateway())


@parametrize(ALL)
def test_sonora_alone_does_not(row: defects.Check) -> None:
    assert not row.passes(bare())


def test_sonora_alone_does_what_nobody_complains_of() -> None:
    """So that a check cannot fail on it for want of a server."""
    assert defects.echoed(id="hiya")(call(bare(), frame(defects.HI)))


def test_the_gateway_refuses_a_body_that_is_too_large_unread() -> None:
    assert defects.reads_no_more_than_it_takes(gateway())


def test_sonora_alone_asks_for_all_of_it() -> None:
    assert not defects.reads_no_more_than_it_takes(bare())


SEEN = {"x-a": "1"}


def test_an_interceptor_of_the_gateway_sees_the_metadata_of_a_call() -> None:
    seen: list[Any] = []

    async def look(call_next: Any, request: Any, context: Any) -> Any:
        seen.extend(context.invocation_metadata())
        return await call_next(request, context)

    services = [(fixture_pool().FindServiceByName(SERVICE), Servicer())]
    call(Gateway(services=services, interceptors=[look]).wsgi, frame(b""), headers=SEEN)
    assert seen == list(SEEN.items())


def test_sonora_alone_looks_a_method_up_without_them() -> None:
    seen: list[Any] = []

    class Look(grpc.GenericRpcHandler):
        # What grpc's server hands to an interceptor is handed to a generic handler too.
        def service(self, handler_call_details: Any) -> Any:
            seen.append(handler_call_details.invocation_metadata)
            return handlers().service(handler_call_details)

    app = sonora.wsgi.grpcWSGI()
    app.add_generic_rpc_handlers((Look(),))
    call(app, frame(b""), headers=SEEN)
    assert seen == [None]

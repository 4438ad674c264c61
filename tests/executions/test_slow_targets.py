"""Hundreds of calls wait for a target that does not answer. It is their own trouble, and nobody else's."""

import asyncio
from contextlib import AsyncExitStack

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import ListExecutionServicesRequest, ListTargetsRequest

from tests.executions.api import Api, add_token, condition, names, target
from tests.executions.protocols import PROTOCOLS
from tests.support.targets.server import TargetServer

EACH = 75
"""Calls over each protocol."""


async def test_a_slow_target_costs_its_own_callers_only(api: Api, receiver: TargetServer) -> None:
    with TargetServer() as quick:
        await api.set(condition("request"), await api.target(receiver.url("/hold"), "call"))
        await api.set(condition("request", "ListTargets"), await api.target(quick.url("/ok")))
        other = await add_token(api.server, f"another than {api.owner}")
        async with AsyncExitStack() as stack:
            waiting = [
                await stack.enter_async_context(api.over(protocol).begin(target(f"made {number} over {protocol}")))
                for number in range(EACH)
                for protocol in PROTOCOLS
            ]
            await receiver.until(lambda: len(receiver.requests) == len(waiting))
            for protocol in PROTOCOLS:
                # Another owner, a method without an execution, another target.
                assert (await other.over(protocol).call(target(f"quick over {protocol}"))).code == 0
                assert (await api.over(protocol).call(ListExecutionServicesRequest())).code == 0
                assert (await api.over(protocol).call(ListTargetsRequest())).code == 0
            assert len(quick.requests) == len(PROTOCOLS)
            assert not [name for name in await names(api) if name.startswith("made")]
            receiver.release()
            answers = await asyncio.gather(*(running.ended() for running in waiting))
        assert {answer.code for answer in answers} == {0}
        assert len({answer.response.id for answer in answers}) == len(waiting)

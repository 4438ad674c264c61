"""No execution runs around the methods that run executions for other services, and none can be set there."""

import asyncio
from pathlib import Path

from actiond_protos.zitadel.action.v3alpha.action_service_pb2 import ListExecutionServicesRequest, SetExecutionRequest
from actiond_protos.zitadel.action.v3alpha.execution_pb2 import Condition

from actiond.api.permissions import PROCESS, permissions, runs_executions
from actiond.api.schema import make_catalogue
from actiond.api.served import EXTERNAL_PROCESSOR, SERVICES
from tests.executions.api import new_owner
from tests.support.servers.actiond import ServerProcess

NAME = EXTERNAL_PROCESSOR.full_name


def test_a_token_can_hold_the_permission() -> None:
    assert PROCESS in permissions(SERVICES)


def test_the_catalogue_of_conditions_lacks_methods_that_run_executions() -> None:
    catalogue = make_catalogue(SERVICES, ())
    assert NAME not in catalogue.services
    running = {
        f"/{service.full_name}/{method.name}"
        for service in SERVICES
        for method in service.methods
        if runs_executions(method)
    }
    assert f"/{NAME}/Process" in running
    assert not running & catalogue.methods


def test_no_execution_can_be_set_on_it(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        api = new_owner(server)
        for condition in ({"method": f"/{NAME}/Process"}, {"service": NAME}):
            answer = asyncio.run(api.call(SetExecutionRequest(condition=Condition(request=condition))))
            assert answer.code == 5
        assert NAME not in asyncio.run(api.look(ListExecutionServicesRequest())).services

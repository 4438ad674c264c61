"""No execution runs around the methods that run executions for other services, and none can be set there."""

from actiond.api.permissions import PROCESS, permissions, runs_executions
from actiond.api.schema import make_catalogue
from actiond.api.served import EXTERNAL_PROCESSOR, SERVICES

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

"""What a condition may name: what this server serves, what its operator adds, and our own events."""

from actiond_protos.actiond.v1 import delivery_service_pb2

from actiond.actions.conditions import Condition, ExecutionType, Scope
from actiond.api.schema import make_catalogue
from actiond.api.served import ACTION_SERVICE

OWN_METHODS = {f"/{ACTION_SERVICE.full_name}/{method.name}" for method in ACTION_SERVICE.methods}
SERVED = (ACTION_SERVICE,)


def test_it_holds_the_services_and_functions_that_it_is_given() -> None:
    delivery = delivery_service_pb2.DESCRIPTOR.services_by_name["DeliveryService"]
    catalogue = make_catalogue([*SERVED, delivery, *SERVED], ("enrich", "enrich"))
    assert catalogue.methods == OWN_METHODS | {f"/{delivery.full_name}/{method.name}" for method in delivery.methods}
    assert catalogue.services == {ACTION_SERVICE.full_name, delivery.full_name}
    assert catalogue.functions == {"enrich"}


def test_it_knows_each_of_our_events_and_what_stands_before_their_dots() -> None:
    catalogue = make_catalogue(SERVED, ())
    assert catalogue.events == {
        "target.added",
        "target.changed",
        "target.key_rotated",
        "target.key.activated",
        "target.key.added",
        "target.key.deactivated",
        "target.key.removed",
        "target.removed",
        "execution.set",
        "execution.removed",
    }
    assert catalogue.groups == {"target", "target.key", "execution"}
    assert Condition(ExecutionType.EVENT, Scope.GROUP, "target") in catalogue
    assert Condition(ExecutionType.EVENT, Scope.GROUP, "target.added") not in catalogue

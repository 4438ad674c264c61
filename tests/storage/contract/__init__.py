"""What `actiond.actions.ports` says of a store, as tests. Each store's test module inherits `StoreContract`."""

from tests.storage.contract.changes import STORE_CALLS, ChangeContract
from tests.storage.contract.deliveries import DeliveryContract
from tests.storage.contract.delivery_lists import DeliveryListContract
from tests.storage.contract.events import EventContract
from tests.storage.contract.execution_lists import ExecutionListContract
from tests.storage.contract.executions import ExecutionContract
from tests.storage.contract.fan_out import FanOutContract
from tests.storage.contract.ids import IdContract
from tests.storage.contract.instance_keys import InstanceKeyContract
from tests.storage.contract.lists import ListContract
from tests.storage.contract.public_keys import PublicKeyContract
from tests.storage.contract.publications import PublicationContract
from tests.storage.contract.running import RunningContract
from tests.storage.contract.target_lists import TargetListContract
from tests.storage.contract.targets import TargetContract
from tests.storage.contract.tokens import TokenContract
from tests.storage.contract.watching import WatchContract

__all__ = ["STORE_CALLS", "StoreContract"]


class StoreContract(
    ChangeContract,
    DeliveryContract,
    DeliveryListContract,
    EventContract,
    ExecutionContract,
    ExecutionListContract,
    FanOutContract,
    IdContract,
    InstanceKeyContract,
    ListContract,
    PublicationContract,
    PublicKeyContract,
    RunningContract,
    TargetContract,
    TargetListContract,
    TokenContract,
    WatchContract,
):
    """Wants two fixtures: `store`, an empty one, and `new_store`, which makes another that the test closes."""

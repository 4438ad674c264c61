"""What tests of the domain begin with: a store in memory, a clock that counts, callers, keys that seal nothing."""

from itertools import count

from actiond.actions.actors import Actor
from actiond.actions.catalogue import Catalogue
from actiond.actions.errors import PublicKeyFormatError
from actiond.actions.ports import EndpointProblem
from actiond.actions.signing_keys import SigningKey
from actiond.actions.targets import NewTarget, TargetType
from actiond.actions.use_cases.executions import Executions
from actiond.actions.use_cases.public_keys import PublicKeys
from actiond.actions.use_cases.targets import SigningKeys, Targets
from actiond.storage.memory import MemoryStore

METHOD = "/one.v1.Service/Method"
SERVICE = "one.v1.Service"


def a_caller(owner: str = "owner") -> Actor:
    return Actor(f"token of {owner}", owner)


def no_key(target_id: str) -> tuple[str, SigningKey]:
    return f"key of {target_id}", SigningKey(f"sealed {target_id}".encode())


def new_target(name: str = "name", endpoint: str = "https://example.com/hook") -> NewTarget:
    return NewTarget(name, TargetType.WEBHOOK, interrupt_on_error=False, timeout_ns=10**9, endpoint=endpoint)


def fingerprint(pem: bytes) -> str:
    if pem == b"bad":
        raise PublicKeyFormatError("bad")
    return f"fingerprint of {pem.decode()}"


class Domain:
    """The use cases on one store."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self._clock = count(1_000)
        ids = count(1)
        self.catalogue = Catalogue(
            methods=frozenset({METHOD, "/one.v1.Service/Other"}),
            services=frozenset({SERVICE, "two.v1.Service"}),
            functions=frozenset({"enrich"}),
        )
        self.targets = Targets(
            self.store,
            self.now,
            lambda: str(next(ids)),
            no_key,
            lambda endpoint: EndpointProblem(endpoint, is_denied="denied" in endpoint) if "/bad" in endpoint else None,
        )
        self.signing_keys = SigningKeys(self.store, self.now, no_key)
        self.public_keys = PublicKeys(self.store, self.now, lambda: str(next(ids)), fingerprint)
        self.executions = Executions(self.store, self.now, self.catalogue)

    def now(self) -> int:
        return next(self._clock)

    async def target(self, name: str = "name", owner: str = "owner") -> str:
        """The id of a new one."""
        target, _ = await self.targets.create(a_caller(owner), new_target(name))
        return target.id

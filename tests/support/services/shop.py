"""A service that knows nothing of actiond, as its team describes it, with fields of every kind. Nothing serves it."""

from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message

from tests.support.protos import ServiceProtos

SERVICE = "shop.v1.Shop"
METHODS = ("Cancel", "Place")
PLACE = f"/{SERVICE}/Place"
_PROTOS = ServiceProtos(Path(__file__).parent / "shop_protos", "shop.v1")


def pool() -> DescriptorPool:
    return _PROTOS.pool


def write_descriptor_set(directory: Path) -> Path:
    """Write the descriptor set, with all imports, into a directory, and return its path."""
    return _PROTOS.write_descriptor_set(directory / "shop.binpb")


def message_class(name: str) -> type[Message]:
    """Return the class of a message of the package."""
    return _PROTOS.message_class(name)


def order(**fields: Any) -> Any:
    """Return a request of Place."""
    return message_class("Order")(**fields)


def receipt(**fields: Any) -> Any:
    """Return a response of Place."""
    return message_class("Receipt")(**fields)

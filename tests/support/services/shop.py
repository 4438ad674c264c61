"""A service that knows nothing of actiond, as its team describes it: its messages and its descriptor set."""

from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.support.protos import compile_folder, descriptor_set

SERVICE = "shop.v1.Shop"
METHODS = ("Cancel", "Place")
PLACE = f"/{SERVICE}/Place"
_FOLDER = Path(__file__).parent / "shop_protos"


@cache
def pool() -> DescriptorPool:
    return compile_folder(_FOLDER)


def write_descriptor_set(directory: Path) -> Path:
    """Write the descriptor set, with all imports, into a directory, and return its path."""
    path = directory / "shop.binpb"
    path.write_bytes(descriptor_set(_FOLDER).SerializeToString())
    return path


def message_class(name: str) -> type[Message]:
    """Return the class of a message of the package."""
    return GetMessageClass(pool().FindMessageTypeByName(f"shop.v1.{name}"))


def order(**fields: Any) -> Any:
    """Return a request of Place."""
    return message_class("Order")(**fields)


def receipt(**fields: Any) -> Any:
    """Return a response of Place."""
    return message_class("Receipt")(**fields)

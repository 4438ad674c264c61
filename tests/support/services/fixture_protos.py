"""The protos of the fixture service, compiled into their own pool on first use."""

from functools import cache
from pathlib import Path

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.support.protos import compile_folder


@cache
def fixture_pool() -> DescriptorPool:
    """Return a pool with t.v1 (the service with routes), t.codec (every kind of field), and everything they import."""
    return compile_folder(Path(__file__).parent / "protos")


def message_type(full_name: str) -> Descriptor:
    """Return the descriptor of a message of the pool."""
    return fixture_pool().FindMessageTypeByName(full_name)


@cache
def message_class(full_name: str) -> type[Message]:
    """Return the class of a message of the pool."""
    return GetMessageClass(message_type(full_name))

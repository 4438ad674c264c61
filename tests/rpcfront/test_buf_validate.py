"""buf.validate's messages are the gateway's own, whatever else the process has of them."""

import subprocess
import sys

from actiond_protos.buf.validate import validate_pb2
from google.protobuf import descriptor_pool

from rpcfront.validation import buf_validate

ANOTHER_COPY = """
from google.protobuf import descriptor_pb2, descriptor_pool
file = descriptor_pb2.FileDescriptorProto(name="buf/validate/validate.proto", package="buf.validate")
file.message_type.add(name="FieldRules")
descriptor_pool.Default().Add(file)
assert not descriptor_pool.Default().FindMessageTypeByName("buf.validate.FieldRules").fields
from rpcfront.validation import buf_validate
assert buf_validate.message_class("FieldRules").DESCRIPTOR.fields
"""


def test_they_are_those_of_the_generated_code_in_another_pool() -> None:
    rules = buf_validate.message_class("FieldRules")
    assert rules.DESCRIPTOR.file.serialized_pb == validate_pb2.DESCRIPTOR.serialized_pb
    assert rules.DESCRIPTOR.file.pool is not descriptor_pool.Default()


def test_the_numbers_are_those_of_the_enum() -> None:
    assert buf_validate.IGNORE_ALWAYS == validate_pb2.IGNORE_ALWAYS
    assert buf_validate.IGNORE_IF_ZERO_VALUE == validate_pb2.IGNORE_IF_ZERO_VALUE


def test_another_copy_in_the_default_pool_is_in_nobodys_way() -> None:
    subprocess.run([sys.executable, "-c", ANOTHER_COPY], check=True, env={"PYTHONPATH": ":".join(sys.path)})

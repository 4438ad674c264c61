from ....actiond.ext_proc.v1 import ext_proc_pb2 as _ext_proc_pb2
from ....zitadel.protoc_gen_zitadel.v2 import options_pb2 as _options_pb2
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

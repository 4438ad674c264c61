"""Serves any grpcio servicer as gRPC, gRPC-Web, Connect and JSON over HTTP.

The names in `__all__` are the public interface; everything below this package may change. `Gateway` serves, the rest is
what its arguments and a servicer's code are made of.
"""

from rpcfront.calls.context import ServicerContext
from rpcfront.calls.dispatch import Authenticate, Places, Translate
from rpcfront.calls.grpc_aio_interceptors import from_grpc_aio
from rpcfront.calls.methods import ServiceError
from rpcfront.calls.observers import CallEnd, CallStart, Observer
from rpcfront.calls.offload import OFFLOAD_BYTES, run_in_offload_pool, run_in_turn
from rpcfront.calls.servicers import CallNext, Interceptor
from rpcfront.cors import Cors
from rpcfront.gateway import Gateway
from rpcfront.limits import Limits
from rpcfront.listener.limits import ConnectionLimits
from rpcfront.listener.server import Server
from rpcfront.listener.tls import ClientAuth, TlsFileError, TlsFiles, TlsReloader
from rpcfront.metadata import DETAILS_KEY, TRAILER_PREFIXES, parse_timeout, percent_encode, to_base64
from rpcfront.mounts import Probe
from rpcfront.openapi import DOCS_PATH, DOCUMENT_PATH, Info, read_comments
from rpcfront.protocols.compression import DecompressedSizeError, DecompressionError, decompress
from rpcfront.protocols.http import Authorize, Handler, HttpRequest, HttpResponse
from rpcfront.reflection import reflection_services
from rpcfront.status import FieldViolation, StatusError, bad_request, make_status, status_error
from rpcfront.transcoding.json.codec import JsonCodec, MalformedJsonError, range_violations
from rpcfront.transcoding.json.wellknown import has_special_json
from rpcfront.validation.validator import Validator

__all__ = [
    "DETAILS_KEY",
    "DOCS_PATH",
    "DOCUMENT_PATH",
    "OFFLOAD_BYTES",
    "TRAILER_PREFIXES",
    "Authenticate",
    "Authorize",
    "CallEnd",
    "CallNext",
    "CallStart",
    "ClientAuth",
    "ConnectionLimits",
    "Cors",
    "DecompressedSizeError",
    "DecompressionError",
    "FieldViolation",
    "Gateway",
    "Handler",
    "HttpRequest",
    "HttpResponse",
    "Info",
    "Interceptor",
    "JsonCodec",
    "Limits",
    "MalformedJsonError",
    "Observer",
    "Places",
    "Probe",
    "Server",
    "ServiceError",
    "ServicerContext",
    "StatusError",
    "TlsFileError",
    "TlsFiles",
    "TlsReloader",
    "Translate",
    "Validator",
    "bad_request",
    "decompress",
    "from_grpc_aio",
    "has_special_json",
    "make_status",
    "parse_timeout",
    "percent_encode",
    "range_violations",
    "read_comments",
    "reflection_services",
    "run_in_offload_pool",
    "run_in_turn",
    "status_error",
    "to_base64",
]

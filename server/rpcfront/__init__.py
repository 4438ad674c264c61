"""Serves any grpcio servicer as gRPC, gRPC-Web, Connect and JSON over HTTP. Knows no targets, stores or processes."""

from rpcfront.calls.context import ServicerContext
from rpcfront.calls.grpc_aio_interceptors import from_grpc_aio
from rpcfront.calls.methods import ServiceError
from rpcfront.calls.observers import Call, Observe
from rpcfront.calls.servicers import CallNext, Interceptor
from rpcfront.cors import Cors
from rpcfront.gateway import Gateway
from rpcfront.limits import Limits
from rpcfront.openapi import Info
from rpcfront.status import StatusError, make_status, refusal

__all__ = [
    "Call",
    "CallNext",
    "Cors",
    "Gateway",
    "Info",
    "Interceptor",
    "Limits",
    "Observe",
    "ServiceError",
    "ServicerContext",
    "StatusError",
    "from_grpc_aio",
    "make_status",
    "refusal",
]

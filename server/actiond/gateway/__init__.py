"""Serves any grpcio servicer as gRPC, gRPC-Web, Connect and JSON over HTTP. Knows no targets, stores or processes."""

from actiond.gateway.access_log import AccessLog
from actiond.gateway.context import ServicerContext
from actiond.gateway.cors import Cors
from actiond.gateway.gateway import Gateway
from actiond.gateway.interceptors import from_grpc_aio
from actiond.gateway.limits import Limits
from actiond.gateway.methods import ServiceError
from actiond.gateway.observation import Call, Observe
from actiond.gateway.openapi import Info
from actiond.gateway.servicers import CallNext, Interceptor
from actiond.gateway.status import StatusError, make_status, refusal

__all__ = [
    "AccessLog",
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

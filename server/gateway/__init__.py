"""Serves any grpcio servicer as gRPC, gRPC-Web, Connect and JSON over HTTP. Knows no targets, stores or processes."""

from server.gateway.access_log import AccessLog
from server.gateway.context import ServicerContext
from server.gateway.cors import Cors
from server.gateway.gateway import Gateway
from server.gateway.interceptors import from_grpc_aio
from server.gateway.limits import Limits
from server.gateway.methods import ServiceError
from server.gateway.observation import Call, Observe
from server.gateway.openapi import Info
from server.gateway.servicers import CallNext, Interceptor
from server.gateway.status import StatusError, make_status, refusal

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

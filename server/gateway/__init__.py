"""Serves any grpcio servicer as gRPC, gRPC-Web and JSON over HTTP. Knows nothing of targets, stores or processes."""

from server.gateway.context import ServicerContext
from server.gateway.cors import Cors
from server.gateway.gateway import Gateway
from server.gateway.limits import Limits
from server.gateway.methods import ServiceError
from server.gateway.status import StatusError, make_status, refusal

__all__ = ["Cors", "Gateway", "Limits", "ServiceError", "ServicerContext", "StatusError", "make_status", "refusal"]

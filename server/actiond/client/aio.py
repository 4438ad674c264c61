"""For programs in an event loop: the interceptor for servers of `grpc.aio`, and the client over its channels."""

from actiond.client.interceptors.settings import CHANNEL_OPTIONS, User
from actiond.client.interceptors.tasks import ActionsInterceptor

__all__ = ["CHANNEL_OPTIONS", "ActionsInterceptor", "User"]

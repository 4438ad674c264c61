"""For programs in an event loop: the interceptor for servers of `grpc.aio`, and the client over its channels."""

from actiond.client.aio_client import Client
from actiond.client.interceptors.settings import CHANNEL_OPTIONS, User
from actiond.client.interceptors.tasks import ActionsInterceptor
from actiond.client.problems import Problem, problem_of
from actiond.client.signing_keys import signing_key

__all__ = ["CHANNEL_OPTIONS", "ActionsInterceptor", "Client", "Problem", "User", "problem_of", "signing_key"]

"""A typed client of every service of actiond, over a channel of `grpc`."""

import grpc
from actiond_protos.clients import (
    ActionServiceClient,
    ActionServiceV2Client,
    DeliveryServiceClient,
    ExecutionServiceClient,
)

from actiond.client.authorization import authorization
from actiond.client.channels import check_threads

DEFAULT_TIMEOUT = 10.0
"""Seconds."""


class Client:
    """Calls actiond with a token.

        with grpc.insecure_channel("127.0.0.1:50051") as channel:
            actiond = Client(channel, token=…)
            actiond.actions.delete_target(DeleteTargetRequest(target_id=…))

    Each method takes and returns the messages of the proto, in `actiond_protos`, and can be given a `timeout` and
    `metadata`. Errors are grpc.RpcError; `problem_of` returns what their details say.

    Metadata that comes beside a response is in the call, which `with_call` returns too, as in grpcio:

        response, call = actiond.actions.create_target.with_call(request)
        key = signing_key(call.trailing_metadata())
    """

    def __init__(self, channel: grpc.Channel, *, token: str, timeout: float | None = DEFAULT_TIMEOUT) -> None:
        """Call over `channel`, which remains the caller's to close.

        token: is sent as metadata, so the channel should be one with TLS, or on the same machine.
        timeout: seconds that a call may take, unless it is given others; None for no limit. Streams have none.

        Raises ValueError if the token cannot be sent, and TypeError for a channel of `grpc.aio`.
        """
        check_threads(channel, "Client")
        metadata = authorization(token)
        self.actions = ActionServiceClient(channel, metadata, timeout)
        """Targets and executions: `zitadel.action.v3alpha.ActionService`."""
        self.actions_v2 = ActionServiceV2Client(channel, metadata, timeout)
        """The same in the stable API: `zitadel.action.v2.ActionService`."""
        self.deliveries = DeliveryServiceClient(channel, metadata, timeout)
        """Events and their deliveries: `actiond.v1.DeliveryService`."""
        self.executions = ExecutionServiceClient(channel, metadata, timeout)
        """Executions for other services: `actiond.v1.ExecutionService`."""

"""Typed clients for `grpc`. Written by proto/generate.py; not edited by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

import grpc

from .actiond.v1 import delivery_service_pb2
from .actiond.v1 import execution_service_pb2
from .zitadel.action.v2 import action_service_pb2 as action_service_v2_pb2
from .zitadel.action.v3alpha import action_service_pb2 as action_service_v3alpha_pb2

Metadata = Iterable[tuple[str, str | bytes]]

Request = TypeVar("Request")
UnaryResponse = TypeVar("UnaryResponse")
Response = TypeVar("Response", covariant=True)


class UnaryCall(Generic[Request, UnaryResponse]):
    """Calls a method that has one response. Raises grpc.RpcError."""

    def __init__(
        self,
        callable_: grpc.UnaryUnaryMultiCallable[Request, UnaryResponse],
        metadata: tuple[tuple[str, str | bytes], ...],
        timeout: float | None,
    ) -> None:
        """Send `metadata` with each call, and give it `timeout` seconds unless it is given others."""
        self._callable = callable_
        self._metadata = metadata
        self._timeout = timeout

    def __call__(self, request: Request, *, timeout: float | None = None, metadata: Metadata = ()) -> UnaryResponse:
        """Return the response."""
        return self._callable(
            request,
            timeout=self._timeout if timeout is None else timeout,
            metadata=(*self._metadata, *metadata),
        )

    def with_call(
        self, request: Request, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> tuple[UnaryResponse, grpc.Call]:
        """Return the response and the call, which has the metadata that was sent beside it."""
        return self._callable.with_call(
            request,
            timeout=self._timeout if timeout is None else timeout,
            metadata=(*self._metadata, *metadata),
        )


class ResponseStream(Protocol[Response]):
    """The responses of a call, as they come. Raises grpc.RpcError."""

    def __iter__(self) -> Iterator[Response]: ...

    def __next__(self) -> Response: ...

    def cancel(self) -> bool:
        """End the call."""


class DeliveryServiceClient:
    """Calls actiond.v1.DeliveryService. Every method raises grpc.RpcError."""

    def __init__(self, channel: grpc.Channel, metadata: Metadata = (), timeout: float | None = None) -> None:
        """Send `metadata` with each call, and give each but streams `timeout` seconds, unless it is given others."""
        self._metadata = tuple(metadata)
        self._timeout = timeout
        self._list_deliveries = channel.unary_unary(
            "/actiond.v1.DeliveryService/ListDeliveries",
            delivery_service_pb2.ListDeliveriesRequest.SerializeToString,
            delivery_service_pb2.ListDeliveriesResponse.FromString,
        )
        self._count_deliveries = channel.unary_unary(
            "/actiond.v1.DeliveryService/CountDeliveries",
            delivery_service_pb2.CountDeliveriesRequest.SerializeToString,
            delivery_service_pb2.CountDeliveriesResponse.FromString,
        )
        self._get_delivery = channel.unary_unary(
            "/actiond.v1.DeliveryService/GetDelivery",
            delivery_service_pb2.GetDeliveryRequest.SerializeToString,
            delivery_service_pb2.GetDeliveryResponse.FromString,
        )
        self._retry_delivery = channel.unary_unary(
            "/actiond.v1.DeliveryService/RetryDelivery",
            delivery_service_pb2.RetryDeliveryRequest.SerializeToString,
            delivery_service_pb2.RetryDeliveryResponse.FromString,
        )
        self._cancel_delivery = channel.unary_unary(
            "/actiond.v1.DeliveryService/CancelDelivery",
            delivery_service_pb2.CancelDeliveryRequest.SerializeToString,
            delivery_service_pb2.CancelDeliveryResponse.FromString,
        )
        self._retry_deliveries = channel.unary_unary(
            "/actiond.v1.DeliveryService/RetryDeliveries",
            delivery_service_pb2.RetryDeliveriesRequest.SerializeToString,
            delivery_service_pb2.RetryDeliveriesResponse.FromString,
        )
        self._cancel_deliveries = channel.unary_unary(
            "/actiond.v1.DeliveryService/CancelDeliveries",
            delivery_service_pb2.CancelDeliveriesRequest.SerializeToString,
            delivery_service_pb2.CancelDeliveriesResponse.FromString,
        )
        self._watch_deliveries = channel.unary_stream(
            "/actiond.v1.DeliveryService/WatchDeliveries",
            delivery_service_pb2.WatchDeliveriesRequest.SerializeToString,
            delivery_service_pb2.WatchDeliveriesResponse.FromString,
        )
        self._test_target = channel.unary_unary(
            "/actiond.v1.DeliveryService/TestTarget",
            delivery_service_pb2.TestTargetRequest.SerializeToString,
            delivery_service_pb2.TestTargetResponse.FromString,
        )
        self._get_target_health = channel.unary_unary(
            "/actiond.v1.DeliveryService/GetTargetHealth",
            delivery_service_pb2.GetTargetHealthRequest.SerializeToString,
            delivery_service_pb2.GetTargetHealthResponse.FromString,
        )
        self._resume_target = channel.unary_unary(
            "/actiond.v1.DeliveryService/ResumeTarget",
            delivery_service_pb2.ResumeTargetRequest.SerializeToString,
            delivery_service_pb2.ResumeTargetResponse.FromString,
        )
        self._publish_event = channel.unary_unary(
            "/actiond.v1.DeliveryService/PublishEvent",
            delivery_service_pb2.PublishEventRequest.SerializeToString,
            delivery_service_pb2.PublishEventResponse.FromString,
        )
        self._publish_events = channel.unary_unary(
            "/actiond.v1.DeliveryService/PublishEvents",
            delivery_service_pb2.PublishEventsRequest.SerializeToString,
            delivery_service_pb2.PublishEventsResponse.FromString,
        )
        self._get_caller = channel.unary_unary(
            "/actiond.v1.DeliveryService/GetCaller",
            delivery_service_pb2.GetCallerRequest.SerializeToString,
            delivery_service_pb2.GetCallerResponse.FromString,
        )

    @property
    def list_deliveries(self) -> UnaryCall[delivery_service_pb2.ListDeliveriesRequest, delivery_service_pb2.ListDeliveriesResponse]:
        """Lists deliveries, the newest first.

        Delivered ones are listed while their attempts are kept.
        """
        return UnaryCall(self._list_deliveries, self._metadata, self._timeout)

    @property
    def count_deliveries(self) -> UnaryCall[delivery_service_pb2.CountDeliveriesRequest, delivery_service_pb2.CountDeliveriesResponse]:
        """Counts deliveries by target and state."""
        return UnaryCall(self._count_deliveries, self._metadata, self._timeout)

    @property
    def get_delivery(self) -> UnaryCall[delivery_service_pb2.GetDeliveryRequest, delivery_service_pb2.GetDeliveryResponse]:
        """Returns one delivery with its attempts, its payload and its headers.

        NOT_FOUND if there is no delivery with this id.
        """
        return UnaryCall(self._get_delivery, self._metadata, self._timeout)

    @property
    def retry_delivery(self) -> UnaryCall[delivery_service_pb2.RetryDeliveryRequest, delivery_service_pb2.RetryDeliveryResponse]:
        """Retries a delivery: it is attempted soon. A dead one has all attempts of the retry schedule again.

        NOT_FOUND if there is no delivery with this id, FAILED_PRECONDITION if it is neither dead nor waiting for a later
        retry, or if its target has been deleted.
        """
        return UnaryCall(self._retry_delivery, self._metadata, self._timeout)

    @property
    def cancel_delivery(self) -> UnaryCall[delivery_service_pb2.CancelDeliveryRequest, delivery_service_pb2.CancelDeliveryResponse]:
        """Gives up a delivery that is not delivered yet. It is dead then, and can be retried.

        An attempt that is running is not interrupted: the target may accept the event all the same. NOT_FOUND if there is
        no delivery with this id, FAILED_PRECONDITION if it is delivered or dead.
        """
        return UnaryCall(self._cancel_delivery, self._metadata, self._timeout)

    @property
    def retry_deliveries(self) -> UnaryCall[delivery_service_pb2.RetryDeliveriesRequest, delivery_service_pb2.RetryDeliveriesResponse]:
        """Retries every delivery that a filter matches and that is dead or waits for a later retry, in portions.

        Stops shortly before the call's deadline, and after 20 seconds at the latest. Repeat the call until the response is
        complete.
        """
        return UnaryCall(self._retry_deliveries, self._metadata, self._timeout)

    @property
    def cancel_deliveries(self) -> UnaryCall[delivery_service_pb2.CancelDeliveriesRequest, delivery_service_pb2.CancelDeliveriesResponse]:
        """Gives up every delivery that a filter matches and that is not delivered yet, in portions.

        Stops shortly before the call's deadline, and after 20 seconds at the latest. Repeat the call until the response is
        complete.
        """
        return UnaryCall(self._cancel_deliveries, self._metadata, self._timeout)

    def watch_deliveries(
        self, request: delivery_service_pb2.WatchDeliveriesRequest, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> ResponseStream[delivery_service_pb2.WatchDeliveriesResponse]:
        """Streams what happens to deliveries from now on, or from a position on.

        The stream ends after ten minutes, and when the server shuts down. Go on from the position of the last response:
        nothing is missed without a response that says so.
        """
        return self._watch_deliveries(request, timeout=timeout, metadata=(*self._metadata, *metadata))

    @property
    def test_target(self) -> UnaryCall[delivery_service_pb2.TestTargetRequest, delivery_service_pb2.TestTargetResponse]:
        """Sends one signed test event to a target, waits for its response, and returns how that went.

        It is sent even if the target is paused, and is never retried. NOT_FOUND if there is no target with this id.
        """
        return UnaryCall(self._test_target, self._metadata, self._timeout)

    @property
    def get_target_health(self) -> UnaryCall[delivery_service_pb2.GetTargetHealthRequest, delivery_service_pb2.GetTargetHealthResponse]:
        """Returns how the deliveries of a target go.

        NOT_FOUND if there is no target with this id.
        """
        return UnaryCall(self._get_target_health, self._metadata, self._timeout)

    @property
    def resume_target(self) -> UnaryCall[delivery_service_pb2.ResumeTargetRequest, delivery_service_pb2.ResumeTargetResponse]:
        """Ends the pause of a target: its parked deliveries are released in growing portions.

        Changes nothing if the target is not paused. NOT_FOUND if there is no target with this id.
        """
        return UnaryCall(self._resume_target, self._metadata, self._timeout)

    @property
    def publish_event(self) -> UnaryCall[delivery_service_pb2.PublishEventRequest, delivery_service_pb2.PublishEventResponse]:
        """Publishes an event, which is delivered to the targets of its event execution. Returns once the event is on disk.

        NOT_FOUND for a type that the server was not started with, ALREADY_EXISTS if another event was published under the
        same id, RESOURCE_EXHAUSTED if too many deliveries are unfinished.
        """
        return UnaryCall(self._publish_event, self._metadata, self._timeout)

    @property
    def publish_events(self) -> UnaryCall[delivery_service_pb2.PublishEventsRequest, delivery_service_pb2.PublishEventsResponse]:
        """Publishes several events in their order: all of them, or none.

        The errors are those of PublishEvent, and name the event by its index.
        """
        return UnaryCall(self._publish_events, self._metadata, self._timeout)

    @property
    def get_caller(self) -> UnaryCall[delivery_service_pb2.GetCallerRequest, delivery_service_pb2.GetCallerResponse]:
        """Returns who the caller is: the token of the call. Every valid token may call it."""
        return UnaryCall(self._get_caller, self._metadata, self._timeout)


class ExecutionServiceClient:
    """Calls actiond.v1.ExecutionService. Every method raises grpc.RpcError."""

    def __init__(self, channel: grpc.Channel, metadata: Metadata = (), timeout: float | None = None) -> None:
        """Send `metadata` with each call, and give each but streams `timeout` seconds, unless it is given others."""
        self._metadata = tuple(metadata)
        self._timeout = timeout
        self._execute_request = channel.unary_unary(
            "/actiond.v1.ExecutionService/ExecuteRequest",
            execution_service_pb2.ExecuteRequestRequest.SerializeToString,
            execution_service_pb2.ExecuteRequestResponse.FromString,
        )
        self._execute_response = channel.unary_unary(
            "/actiond.v1.ExecutionService/ExecuteResponse",
            execution_service_pb2.ExecuteResponseRequest.SerializeToString,
            execution_service_pb2.ExecuteResponseResponse.FromString,
        )
        self._execute_function = channel.unary_unary(
            "/actiond.v1.ExecutionService/ExecuteFunction",
            execution_service_pb2.ExecuteFunctionRequest.SerializeToString,
            execution_service_pb2.ExecuteFunctionResponse.FromString,
        )
        self._dry_run = channel.unary_unary(
            "/actiond.v1.ExecutionService/DryRun",
            execution_service_pb2.DryRunRequest.SerializeToString,
            execution_service_pb2.DryRunResponse.FromString,
        )
        self._watch_executions = channel.unary_stream(
            "/actiond.v1.ExecutionService/WatchExecutions",
            execution_service_pb2.WatchExecutionsRequest.SerializeToString,
            execution_service_pb2.WatchExecutionsResponse.FromString,
        )
        self._get_condition = channel.unary_unary(
            "/actiond.v1.ExecutionService/GetCondition",
            execution_service_pb2.GetConditionRequest.SerializeToString,
            execution_service_pb2.GetConditionResponse.FromString,
        )
        self._set_condition = channel.unary_unary(
            "/actiond.v1.ExecutionService/SetCondition",
            execution_service_pb2.SetConditionRequest.SerializeToString,
            execution_service_pb2.SetConditionResponse.FromString,
        )

    @property
    def execute_request(self) -> UnaryCall[execution_service_pb2.ExecuteRequestRequest, execution_service_pb2.ExecuteRequestResponse]:
        """Runs the request execution of a call of another service, before the service handles the call.

        Ends with the error that the execution ends with: FAILED_PRECONDITION if a target that interrupts on errors fails,
        the error that a target forwards, or DEADLINE_EXCEEDED. Such an error has a google.rpc.ErrorInfo of the domain
        `actiond` with the reason EXECUTION_FAILED or EXECUTION_ERROR_FORWARDED. INVALID_ARGUMENT if the message is not one
        of the method. NOT_FOUND if an execution is set for the method, and neither its message types nor its name, as one of
        ZITADEL's (`--zitadel-conditions`), is known.
        """
        return UnaryCall(self._execute_request, self._metadata, self._timeout)

    @property
    def execute_response(self) -> UnaryCall[execution_service_pb2.ExecuteResponseRequest, execution_service_pb2.ExecuteResponseResponse]:
        """Runs the response execution of a call of another service, after the service has handled the call.

        The errors are those of ExecuteRequest.
        """
        return UnaryCall(self._execute_response, self._metadata, self._timeout)

    @property
    def execute_function(self) -> UnaryCall[execution_service_pb2.ExecuteFunctionRequest, execution_service_pb2.ExecuteFunctionResponse]:
        """Runs the execution of a function.

        NOT_FOUND for a function that the server was not started with (`--execution-function`, `--zitadel-conditions`). The
        other errors are those of ExecuteRequest.
        """
        return UnaryCall(self._execute_function, self._metadata, self._timeout)

    @property
    def dry_run(self) -> UnaryCall[execution_service_pb2.DryRunRequest, execution_service_pb2.DryRunResponse]:
        """Shows what would run, without calling a target.

        Requires the permission `execution.target.read` too, as it shows targets. The errors are those of the call that is
        tried out, but for those of targets.
        """
        return UnaryCall(self._dry_run, self._metadata, self._timeout)

    def watch_executions(
        self, request: execution_service_pb2.WatchExecutionsRequest, *, timeout: float | None = None, metadata: Metadata = ()
    ) -> ResponseStream[execution_service_pb2.WatchExecutionsResponse]:
        """Streams the revision of the executions: at once, after each change, and while nothing changes twice a second.

        A change by any process is streamed within half a second. Who caches a SetExecutions trusts it only while this
        stream is alive, see there. The stream ends with OK after ten minutes at the latest. RESOURCE_EXHAUSTED if too many
        streams are open.
        """
        return self._watch_executions(request, timeout=timeout, metadata=(*self._metadata, *metadata))

    @property
    def get_condition(self) -> UnaryCall[execution_service_pb2.GetConditionRequest, execution_service_pb2.GetConditionResponse]:
        """Returns the match condition of an execution: which of the calls that it is set for it runs for.

        NOT_FOUND if no execution is set for the condition.
        """
        return UnaryCall(self._get_condition, self._metadata, self._timeout)

    @property
    def set_condition(self) -> UnaryCall[execution_service_pb2.SetConditionRequest, execution_service_pb2.SetConditionResponse]:
        """Sets or removes the match condition of an execution.

        NOT_FOUND if no execution is set for the condition, INVALID_ARGUMENT if the expression is not valid or if the
        execution is one of a function or an event.
        """
        return UnaryCall(self._set_condition, self._metadata, self._timeout)


class ActionServiceV2Client:
    """Calls zitadel.action.v2.ActionService. Every method raises grpc.RpcError."""

    def __init__(self, channel: grpc.Channel, metadata: Metadata = (), timeout: float | None = None) -> None:
        """Send `metadata` with each call, and give each but streams `timeout` seconds, unless it is given others."""
        self._metadata = tuple(metadata)
        self._timeout = timeout
        self._create_target = channel.unary_unary(
            "/zitadel.action.v2.ActionService/CreateTarget",
            action_service_v2_pb2.CreateTargetRequest.SerializeToString,
            action_service_v2_pb2.CreateTargetResponse.FromString,
        )
        self._update_target = channel.unary_unary(
            "/zitadel.action.v2.ActionService/UpdateTarget",
            action_service_v2_pb2.UpdateTargetRequest.SerializeToString,
            action_service_v2_pb2.UpdateTargetResponse.FromString,
        )
        self._delete_target = channel.unary_unary(
            "/zitadel.action.v2.ActionService/DeleteTarget",
            action_service_v2_pb2.DeleteTargetRequest.SerializeToString,
            action_service_v2_pb2.DeleteTargetResponse.FromString,
        )
        self._get_target = channel.unary_unary(
            "/zitadel.action.v2.ActionService/GetTarget",
            action_service_v2_pb2.GetTargetRequest.SerializeToString,
            action_service_v2_pb2.GetTargetResponse.FromString,
        )
        self._list_targets = channel.unary_unary(
            "/zitadel.action.v2.ActionService/ListTargets",
            action_service_v2_pb2.ListTargetsRequest.SerializeToString,
            action_service_v2_pb2.ListTargetsResponse.FromString,
        )
        self._add_public_key = channel.unary_unary(
            "/zitadel.action.v2.ActionService/AddPublicKey",
            action_service_v2_pb2.AddPublicKeyRequest.SerializeToString,
            action_service_v2_pb2.AddPublicKeyResponse.FromString,
        )
        self._activate_public_key = channel.unary_unary(
            "/zitadel.action.v2.ActionService/ActivatePublicKey",
            action_service_v2_pb2.ActivatePublicKeyRequest.SerializeToString,
            action_service_v2_pb2.ActivatePublicKeyResponse.FromString,
        )
        self._deactivate_public_key = channel.unary_unary(
            "/zitadel.action.v2.ActionService/DeactivatePublicKey",
            action_service_v2_pb2.DeactivatePublicKeyRequest.SerializeToString,
            action_service_v2_pb2.DeactivatePublicKeyResponse.FromString,
        )
        self._remove_public_key = channel.unary_unary(
            "/zitadel.action.v2.ActionService/RemovePublicKey",
            action_service_v2_pb2.RemovePublicKeyRequest.SerializeToString,
            action_service_v2_pb2.RemovePublicKeyResponse.FromString,
        )
        self._list_public_keys = channel.unary_unary(
            "/zitadel.action.v2.ActionService/ListPublicKeys",
            action_service_v2_pb2.ListPublicKeysRequest.SerializeToString,
            action_service_v2_pb2.ListPublicKeysResponse.FromString,
        )
        self._set_execution = channel.unary_unary(
            "/zitadel.action.v2.ActionService/SetExecution",
            action_service_v2_pb2.SetExecutionRequest.SerializeToString,
            action_service_v2_pb2.SetExecutionResponse.FromString,
        )
        self._list_executions = channel.unary_unary(
            "/zitadel.action.v2.ActionService/ListExecutions",
            action_service_v2_pb2.ListExecutionsRequest.SerializeToString,
            action_service_v2_pb2.ListExecutionsResponse.FromString,
        )
        self._list_execution_functions = channel.unary_unary(
            "/zitadel.action.v2.ActionService/ListExecutionFunctions",
            action_service_v2_pb2.ListExecutionFunctionsRequest.SerializeToString,
            action_service_v2_pb2.ListExecutionFunctionsResponse.FromString,
        )
        self._list_execution_methods = channel.unary_unary(
            "/zitadel.action.v2.ActionService/ListExecutionMethods",
            action_service_v2_pb2.ListExecutionMethodsRequest.SerializeToString,
            action_service_v2_pb2.ListExecutionMethodsResponse.FromString,
        )
        self._list_execution_services = channel.unary_unary(
            "/zitadel.action.v2.ActionService/ListExecutionServices",
            action_service_v2_pb2.ListExecutionServicesRequest.SerializeToString,
            action_service_v2_pb2.ListExecutionServicesResponse.FromString,
        )

    @property
    def create_target(self) -> UnaryCall[action_service_v2_pb2.CreateTargetRequest, action_service_v2_pb2.CreateTargetResponse]:
        """Creates a target.

        ALREADY_EXISTS if the resource owner has a target of this name, compared without case.
        """
        return UnaryCall(self._create_target, self._metadata, self._timeout)

    @property
    def update_target(self) -> UnaryCall[action_service_v2_pb2.UpdateTargetRequest, action_service_v2_pb2.UpdateTargetResponse]:
        """Changes a target. What is absent stays as it is.

        ALREADY_EXISTS if another target has the new name, NOT_FOUND if no target has this id.
        """
        return UnaryCall(self._update_target, self._metadata, self._timeout)

    @property
    def delete_target(self) -> UnaryCall[action_service_v2_pb2.DeleteTargetRequest, action_service_v2_pb2.DeleteTargetResponse]:
        """Deletes a target, and removes it from every execution that calls it.

        Succeeds without a date if no target has had this id.
        """
        return UnaryCall(self._delete_target, self._metadata, self._timeout)

    @property
    def get_target(self) -> UnaryCall[action_service_v2_pb2.GetTargetRequest, action_service_v2_pb2.GetTargetResponse]:
        """Returns one target.

        NOT_FOUND if no target has this id, or it belongs to another resource owner.
        """
        return UnaryCall(self._get_target, self._metadata, self._timeout)

    @property
    def list_targets(self) -> UnaryCall[action_service_v2_pb2.ListTargetsRequest, action_service_v2_pb2.ListTargetsResponse]:
        """Lists the targets that match all filters."""
        return UnaryCall(self._list_targets, self._metadata, self._timeout)

    @property
    def add_public_key(self) -> UnaryCall[action_service_v2_pb2.AddPublicKeyRequest, action_service_v2_pb2.AddPublicKeyResponse]:
        """Adds a public key to a target. It is not active.

        FAILED_PRECONDITION if no target has this id.
        """
        return UnaryCall(self._add_public_key, self._metadata, self._timeout)

    @property
    def activate_public_key(self) -> UnaryCall[action_service_v2_pb2.ActivatePublicKeyRequest, action_service_v2_pb2.ActivatePublicKeyResponse]:
        """Makes a public key the active one, for which payloads are encrypted.

        FAILED_PRECONDITION if no target has this id, if it has no such key, and if the key has expired.
        """
        return UnaryCall(self._activate_public_key, self._metadata, self._timeout)

    @property
    def deactivate_public_key(self) -> UnaryCall[action_service_v2_pb2.DeactivatePublicKeyRequest, action_service_v2_pb2.DeactivatePublicKeyResponse]:
        """Makes the active public key inactive again.

        FAILED_PRECONDITION if no target has this id, or it has no such key.
        """
        return UnaryCall(self._deactivate_public_key, self._metadata, self._timeout)

    @property
    def remove_public_key(self) -> UnaryCall[action_service_v2_pb2.RemovePublicKeyRequest, action_service_v2_pb2.RemovePublicKeyResponse]:
        """Removes a public key.

        FAILED_PRECONDITION if it is the active one. Succeeds without a date if there is none.
        """
        return UnaryCall(self._remove_public_key, self._metadata, self._timeout)

    @property
    def list_public_keys(self) -> UnaryCall[action_service_v2_pb2.ListPublicKeysRequest, action_service_v2_pb2.ListPublicKeysResponse]:
        """Lists the public keys of a target that match all filters."""
        return UnaryCall(self._list_public_keys, self._metadata, self._timeout)

    @property
    def set_execution(self) -> UnaryCall[action_service_v2_pb2.SetExecutionRequest, action_service_v2_pb2.SetExecutionResponse]:
        """Sets which targets are called under a condition, in this order. They replace those of before.

        Without targets, the execution of the condition ends. NOT_FOUND if the condition or a target does not exist.
        """
        return UnaryCall(self._set_execution, self._metadata, self._timeout)

    @property
    def list_executions(self) -> UnaryCall[action_service_v2_pb2.ListExecutionsRequest, action_service_v2_pb2.ListExecutionsResponse]:
        """Lists the executions that match all filters. Those without targets are not listed."""
        return UnaryCall(self._list_executions, self._metadata, self._timeout)

    @property
    def list_execution_functions(self) -> UnaryCall[action_service_v2_pb2.ListExecutionFunctionsRequest, action_service_v2_pb2.ListExecutionFunctionsResponse]:
        """Lists the functions that a condition may name."""
        return UnaryCall(self._list_execution_functions, self._metadata, self._timeout)

    @property
    def list_execution_methods(self) -> UnaryCall[action_service_v2_pb2.ListExecutionMethodsRequest, action_service_v2_pb2.ListExecutionMethodsResponse]:
        """Lists the methods that a condition may name, as /package.Service/Method."""
        return UnaryCall(self._list_execution_methods, self._metadata, self._timeout)

    @property
    def list_execution_services(self) -> UnaryCall[action_service_v2_pb2.ListExecutionServicesRequest, action_service_v2_pb2.ListExecutionServicesResponse]:
        """Lists the services that a condition may name, as package.Service."""
        return UnaryCall(self._list_execution_services, self._metadata, self._timeout)


class ActionServiceClient:
    """Calls zitadel.action.v3alpha.ActionService. Every method raises grpc.RpcError."""

    def __init__(self, channel: grpc.Channel, metadata: Metadata = (), timeout: float | None = None) -> None:
        """Send `metadata` with each call, and give each but streams `timeout` seconds, unless it is given others."""
        self._metadata = tuple(metadata)
        self._timeout = timeout
        self._create_target = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/CreateTarget",
            action_service_v3alpha_pb2.CreateTargetRequest.SerializeToString,
            action_service_v3alpha_pb2.CreateTargetResponse.FromString,
        )
        self._update_target = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/UpdateTarget",
            action_service_v3alpha_pb2.UpdateTargetRequest.SerializeToString,
            action_service_v3alpha_pb2.UpdateTargetResponse.FromString,
        )
        self._delete_target = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/DeleteTarget",
            action_service_v3alpha_pb2.DeleteTargetRequest.SerializeToString,
            action_service_v3alpha_pb2.DeleteTargetResponse.FromString,
        )
        self._list_targets = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/ListTargets",
            action_service_v3alpha_pb2.ListTargetsRequest.SerializeToString,
            action_service_v3alpha_pb2.ListTargetsResponse.FromString,
        )
        self._get_target_by_id = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/GetTargetByID",
            action_service_v3alpha_pb2.GetTargetByIDRequest.SerializeToString,
            action_service_v3alpha_pb2.GetTargetByIDResponse.FromString,
        )
        self._set_execution = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/SetExecution",
            action_service_v3alpha_pb2.SetExecutionRequest.SerializeToString,
            action_service_v3alpha_pb2.SetExecutionResponse.FromString,
        )
        self._delete_execution = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/DeleteExecution",
            action_service_v3alpha_pb2.DeleteExecutionRequest.SerializeToString,
            action_service_v3alpha_pb2.DeleteExecutionResponse.FromString,
        )
        self._list_executions = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/ListExecutions",
            action_service_v3alpha_pb2.ListExecutionsRequest.SerializeToString,
            action_service_v3alpha_pb2.ListExecutionsResponse.FromString,
        )
        self._list_execution_functions = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/ListExecutionFunctions",
            action_service_v3alpha_pb2.ListExecutionFunctionsRequest.SerializeToString,
            action_service_v3alpha_pb2.ListExecutionFunctionsResponse.FromString,
        )
        self._list_execution_methods = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/ListExecutionMethods",
            action_service_v3alpha_pb2.ListExecutionMethodsRequest.SerializeToString,
            action_service_v3alpha_pb2.ListExecutionMethodsResponse.FromString,
        )
        self._list_execution_services = channel.unary_unary(
            "/zitadel.action.v3alpha.ActionService/ListExecutionServices",
            action_service_v3alpha_pb2.ListExecutionServicesRequest.SerializeToString,
            action_service_v3alpha_pb2.ListExecutionServicesResponse.FromString,
        )

    @property
    def create_target(self) -> UnaryCall[action_service_v3alpha_pb2.CreateTargetRequest, action_service_v3alpha_pb2.CreateTargetResponse]:
        """Creates a target.

        ALREADY_EXISTS when the resource owner has a target of this name, whatever its letter case.
        """
        return UnaryCall(self._create_target, self._metadata, self._timeout)

    @property
    def update_target(self) -> UnaryCall[action_service_v3alpha_pb2.UpdateTargetRequest, action_service_v3alpha_pb2.UpdateTargetResponse]:
        """Changes a target: what is absent stays.

        ALREADY_EXISTS when another target has the new name, NOT_FOUND when there is no target of this id.
        """
        return UnaryCall(self._update_target, self._metadata, self._timeout)

    @property
    def delete_target(self) -> UnaryCall[action_service_v3alpha_pb2.DeleteTargetRequest, action_service_v3alpha_pb2.DeleteTargetResponse]:
        """Deletes a target, and strips it from every execution that names it.

        NOT_FOUND when there is none of this id.
        """
        return UnaryCall(self._delete_target, self._metadata, self._timeout)

    @property
    def list_targets(self) -> UnaryCall[action_service_v3alpha_pb2.ListTargetsRequest, action_service_v3alpha_pb2.ListTargetsResponse]:
        """Lists the targets for which every query holds."""
        return UnaryCall(self._list_targets, self._metadata, self._timeout)

    @property
    def get_target_by_id(self) -> UnaryCall[action_service_v3alpha_pb2.GetTargetByIDRequest, action_service_v3alpha_pb2.GetTargetByIDResponse]:
        """Answers one target.

        NOT_FOUND when there is none of this id, or it belongs to another resource owner.
        """
        return UnaryCall(self._get_target_by_id, self._metadata, self._timeout)

    @property
    def set_execution(self) -> UnaryCall[action_service_v3alpha_pb2.SetExecutionRequest, action_service_v3alpha_pb2.SetExecutionResponse]:
        """Sets what is called under a condition, in the order of the list; what was set before is replaced.

        NOT_FOUND for a condition, target or include that does not exist; FAILED_PRECONDITION for includes that lead back
        to the execution, or through more than three executions.
        """
        return UnaryCall(self._set_execution, self._metadata, self._timeout)

    @property
    def delete_execution(self) -> UnaryCall[action_service_v3alpha_pb2.DeleteExecutionRequest, action_service_v3alpha_pb2.DeleteExecutionResponse]:
        """Deletes the execution of a condition, and strips it from those that include it.

        NOT_FOUND when there is none.
        """
        return UnaryCall(self._delete_execution, self._metadata, self._timeout)

    @property
    def list_executions(self) -> UnaryCall[action_service_v3alpha_pb2.ListExecutionsRequest, action_service_v3alpha_pb2.ListExecutionsResponse]:
        """Lists the executions for which every query holds, by condition."""
        return UnaryCall(self._list_executions, self._metadata, self._timeout)

    @property
    def list_execution_functions(self) -> UnaryCall[action_service_v3alpha_pb2.ListExecutionFunctionsRequest, action_service_v3alpha_pb2.ListExecutionFunctionsResponse]:
        """Names the functions that a condition may name."""
        return UnaryCall(self._list_execution_functions, self._metadata, self._timeout)

    @property
    def list_execution_methods(self) -> UnaryCall[action_service_v3alpha_pb2.ListExecutionMethodsRequest, action_service_v3alpha_pb2.ListExecutionMethodsResponse]:
        """Names the methods that a condition may name, as /package.Service/Method."""
        return UnaryCall(self._list_execution_methods, self._metadata, self._timeout)

    @property
    def list_execution_services(self) -> UnaryCall[action_service_v3alpha_pb2.ListExecutionServicesRequest, action_service_v3alpha_pb2.ListExecutionServicesResponse]:
        """Names the services that a condition may name, as package.Service."""
        return UnaryCall(self._list_execution_services, self._metadata, self._timeout)

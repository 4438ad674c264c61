"""The servicer of zitadel.action.v2.ActionService and v2beta's: converts requests, runs use cases, converts results."""
# ruff: noqa: N802  # the methods have the proto's names

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from actiond_protos.zitadel.action.v2 import action_service_pb2 as pb
from actiond_protos.zitadel.action.v2 import action_service_pb2_grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass

from actiond.actions.actors import Actor
from actiond.actions.catalogue import Catalogue
from actiond.actions.errors import TargetNotFoundError
from actiond.actions.targets import Target
from actiond.actions.tokens import Caller
from actiond.actions.use_cases.executions import Executions
from actiond.actions.use_cases.public_keys import PublicKeys
from actiond.actions.use_cases.targets import NewestKeys, Targets
from actiond.api.permissions import permission
from actiond.api.timestamps import put_ns
from actiond.api.v2.executions import execution_query, put_execution, set_condition
from actiond.api.v2.pages import put_pagination
from actiond.api.v2.public_keys import expires_at_ns, put_public_keys
from actiond.api.v2.targets import new_target, put_target, target_change, target_query
from actiond.client.signature import whsec
from actiond.client.signing_keys import SIGNING_KEY, WEBHOOK_SECRET
from rpcfront import ServicerContext

WRITES_TARGETS = permission(pb.DESCRIPTOR.services_by_name["ActionService"].methods_by_name["UpdateTarget"])
"""Holders of this permission may see signing keys."""


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the methods do."""

    targets: Targets
    newest_keys: NewestKeys
    public_keys: PublicKeys
    executions: Executions
    catalogue: Callable[[], Catalogue]
    """Returns the current one."""


class ActionService(action_service_pb2_grpc.ActionServiceServicer):
    """Serves the methods on the event loop. Raises the domain's errors, which the gateway translates.

    It is written for v2's messages. Those of v2beta have the same fields, as far as both have them.
    """

    def __init__(self, use_cases: UseCases) -> None:
        self._targets = use_cases.targets
        self._newest_keys = use_cases.newest_keys
        self._public_keys = use_cases.public_keys
        self._executions = use_cases.executions
        self._catalogue = use_cases.catalogue

    async def CreateTarget(self, request: pb.CreateTargetRequest, context: ServicerContext) -> pb.CreateTargetResponse:
        target, signing_key = await self._targets.create(_actor(context), new_target(request))
        response: pb.CreateTargetResponse = _response(context)
        response.id = target.id
        put_ns(response.creation_date, target.created_at_ns)
        response.signing_key = signing_key
        _send_key(context, signing_key)
        return response

    async def UpdateTarget(self, request: pb.UpdateTargetRequest, context: ServicerContext) -> pb.UpdateTargetResponse:
        actor, change = _actor(context), target_change(request)
        response: pb.UpdateTargetResponse = _response(context)
        if request.HasField("expiration_signing_key"):
            target, signing_key = await self._targets.update_with_new_key(actor, request.id, change)
            response.signing_key = signing_key
            _send_key(context, signing_key)
        else:
            target = await self._targets.update(actor, request.id, change)
        put_ns(response.change_date, target.changed_at_ns)
        return response

    async def DeleteTarget(self, request: pb.DeleteTargetRequest, context: ServicerContext) -> pb.DeleteTargetResponse:
        actor = _actor(context)
        response: pb.DeleteTargetResponse = _response(context)
        deleted_at_ns: int | None
        try:
            deleted_at_ns = (await self._targets.delete(actor, request.id, ends_emptied=True)).changed_at_ns
        except TargetNotFoundError:
            deleted_at_ns = await self._targets.deleted_at_ns(actor, request.id)
        if deleted_at_ns is not None:
            put_ns(response.deletion_date, deleted_at_ns)
        return response

    async def GetTarget(self, request: pb.GetTargetRequest, context: ServicerContext) -> pb.GetTargetResponse:
        target = await self._targets.get(_actor(context), request.id)
        keys = await self._visible_keys([target], context)
        response: pb.GetTargetResponse = _response(context)
        put_target(response.target, target, keys.get(target.id, ""))
        return response

    async def ListTargets(self, request: pb.ListTargetsRequest, context: ServicerContext) -> pb.ListTargetsResponse:
        query = target_query(request)
        page = await self._targets.find(_actor(context), query)
        keys = await self._visible_keys(page.items, context)
        response: pb.ListTargetsResponse = _response(context)
        put_pagination(response.pagination, page, query.page)
        for target in page.items:
            put_target(response.targets.add(), target, keys.get(target.id, ""))
        return response

    async def AddPublicKey(self, request: pb.AddPublicKeyRequest, context: ServicerContext) -> pb.AddPublicKeyResponse:
        actor, expiry = _actor(context), expires_at_ns(request)
        key = await self._public_keys.add(actor, request.target_id, request.public_key, expiry)
        response = pb.AddPublicKeyResponse(key_id=key.id)
        put_ns(response.creation_date, key.created_at_ns)
        return response

    async def ActivatePublicKey(
        self, request: pb.ActivatePublicKeyRequest, context: ServicerContext
    ) -> pb.ActivatePublicKeyResponse:
        key = await self._public_keys.activate(_actor(context), request.target_id, request.key_id)
        response = pb.ActivatePublicKeyResponse()
        put_ns(response.change_date, key.changed_at_ns)
        return response

    async def DeactivatePublicKey(
        self, request: pb.DeactivatePublicKeyRequest, context: ServicerContext
    ) -> pb.DeactivatePublicKeyResponse:
        key = await self._public_keys.deactivate(_actor(context), request.target_id, request.key_id)
        response = pb.DeactivatePublicKeyResponse()
        put_ns(response.change_date, key.changed_at_ns)
        return response

    async def RemovePublicKey(
        self, request: pb.RemovePublicKeyRequest, context: ServicerContext
    ) -> pb.RemovePublicKeyResponse:
        removed_at_ns = await self._public_keys.remove(_actor(context), request.target_id, request.key_id)
        response = pb.RemovePublicKeyResponse()
        if removed_at_ns is not None:
            put_ns(response.deletion_date, removed_at_ns)
        return response

    async def ListPublicKeys(
        self, request: pb.ListPublicKeysRequest, context: ServicerContext
    ) -> pb.ListPublicKeysResponse:
        of_target = await self._public_keys.all(_actor(context), request.target_id)
        response = pb.ListPublicKeysResponse()
        put_public_keys(response, request, of_target)
        return response

    async def SetExecution(self, request: pb.SetExecutionRequest, context: ServicerContext) -> pb.SetExecutionResponse:
        actor, condition = _actor(context), set_condition(request)
        if request.targets:
            execution = await self._executions.set(actor, condition, tuple(request.targets), keeps_same=True)
            set_at_ns = execution.changed_at_ns
        else:
            set_at_ns = await self._executions.end(actor, condition)
        response: pb.SetExecutionResponse = _response(context)
        put_ns(response.set_date, set_at_ns)
        return response

    async def ListExecutions(
        self, request: pb.ListExecutionsRequest, context: ServicerContext
    ) -> pb.ListExecutionsResponse:
        query = execution_query(request)
        page = await self._executions.find_flat(_actor(context), query)
        response: pb.ListExecutionsResponse = _response(context)
        put_pagination(response.pagination, page, query.page)
        for execution in page.items:
            put_execution(response.executions.add(), execution)
        return response

    async def ListExecutionFunctions(
        self, _request: pb.ListExecutionFunctionsRequest, context: ServicerContext
    ) -> pb.ListExecutionFunctionsResponse:
        response: pb.ListExecutionFunctionsResponse = _response(context)
        response.functions.extend(sorted(self._catalogue().functions))
        return response

    async def ListExecutionMethods(
        self, _request: pb.ListExecutionMethodsRequest, context: ServicerContext
    ) -> pb.ListExecutionMethodsResponse:
        response: pb.ListExecutionMethodsResponse = _response(context)
        response.methods.extend(sorted(self._catalogue().methods))
        return response

    async def ListExecutionServices(
        self, _request: pb.ListExecutionServicesRequest, context: ServicerContext
    ) -> pb.ListExecutionServicesResponse:
        response: pb.ListExecutionServicesResponse = _response(context)
        response.services.extend(sorted(self._catalogue().services))
        return response

    async def _visible_keys(self, targets: Sequence[Target], context: ServicerContext) -> Mapping[str, str]:
        """Return the targets' signing keys, by target id, as far as the caller may see them."""
        caller: Caller = context.caller
        return await self._newest_keys.of(targets) if caller.token.holds(WRITES_TARGETS) else {}


def _actor(context: ServicerContext) -> Actor:
    caller: Caller = context.caller
    return caller.actor


def _response(context: ServicerContext) -> Any:
    """Return an empty response of the method that was called: each version has classes of its own."""
    # The method is None outside of calls only.
    method = cast("MethodDescriptor", context.method)
    return GetMessageClass(method.output_type)()


def _send_key(context: ServicerContext, signing_key: str) -> None:
    """Send the key as v3alpha does, too, in both forms that libraries for receivers take."""
    context.set_trailing_metadata(((SIGNING_KEY, signing_key), (WEBHOOK_SECRET, whsec(signing_key))))

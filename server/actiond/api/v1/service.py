"""The servicer of actiond.v1.DeliveryService: converts requests, runs use cases, converts results."""
# ruff: noqa: N802  # the methods have the proto's names

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing

from actiond_protos.actiond.v1 import delivery_pb2, delivery_service_pb2_grpc
from actiond_protos.actiond.v1 import delivery_service_pb2 as pb

from actiond.actions.queries import DeliveryFilter, DeliveryQuery
from actiond.actions.tokens import Caller
from actiond.actions.use_cases.deliveries import Deliveries
from actiond.actions.use_cases.publishing import Published, Publishing
from actiond.actions.watching import Notice, WatchedChange, WatchEvent
from actiond.api.timestamps import put_ns
from actiond.api.v1.deliveries import STATES, delivery_filter, delivery_id_of, put_attempt, put_change, put_delivery
from actiond.api.v1.events import new_events
from actiond.api.v1.pages import last_id_of, page_size_of, page_token
from actiond.api.v1.targets import put_target_health
from actiond.api.v1.watching import Watches
from actiond.executions.event_payloads import body_of, headers_of
from actiond.executions.target_test import TargetTester
from rpcfront import OFFLOAD_BYTES, ServicerContext, run_in_turn

MAX_BULK_SECONDS = 20.0
"""For so long a call that changes many deliveries goes on, if its deadline is not before that."""
_BULK_SHARE = 0.8
"""The part of the time until its deadline that such a call uses, so that its response is in time."""


class DeliveryService(delivery_service_pb2_grpc.DeliveryServiceServicer):
    """Serves the methods on the event loop. Raises errors that the gateway translates."""

    def __init__(
        self,
        deliveries: Deliveries,
        publishing: Publishing,
        tester: TargetTester,
        watches: Watches[[DeliveryFilter, str], WatchEvent],
        instance: str,
    ) -> None:
        """`instance` is the id that identifies this server to targets."""
        self._deliveries = deliveries
        self._publishing = publishing
        self._tester = tester
        self._watches = watches
        self._instance = instance

    async def ListDeliveries(
        self, request: pb.ListDeliveriesRequest, context: ServicerContext
    ) -> pb.ListDeliveriesResponse:
        size = page_size_of(request.page_size)
        before_id = last_id_of(request.page_token, request.filter)
        # One more, which shows that there is a next page.
        query = DeliveryQuery(delivery_filter(request.filter), size + 1, before_id)
        records = await self._deliveries.find(context.caller.actor, query)
        response = pb.ListDeliveriesResponse()
        for record in records[:size]:
            put_delivery(response.deliveries.add(), record)
        if len(records) > size:
            response.next_page_token = page_token(records[size - 1].delivery.id, request.filter)
        return response

    async def CountDeliveries(
        self, request: pb.CountDeliveriesRequest, context: ServicerContext
    ) -> pb.CountDeliveriesResponse:
        counts = await self._deliveries.count(context.caller.actor, delivery_filter(request.filter))
        rows = sorted((target_id, STATES[state], count) for (state, target_id), count in counts.items() if count)
        counted = [delivery_pb2.DeliveryCount(target_id=one, state=state, count=count) for one, state, count in rows]
        return pb.CountDeliveriesResponse(counts=counted)

    async def GetDelivery(self, request: pb.GetDeliveryRequest, context: ServicerContext) -> pb.GetDeliveryResponse:
        details = await self._deliveries.get(context.caller.actor, delivery_id_of(request.delivery_id))
        delivery, event = details.record.delivery, details.record.event
        response = pb.GetDeliveryResponse(headers=headers_of(delivery.id, max(1, delivery.attempts)))
        put_delivery(response.delivery, details.record)
        for attempt in details.attempts:
            put_attempt(response.attempts.add(), attempt)
        if event is not None:
            response.payload = body_of(event, self._instance).decode()
        return response

    async def RetryDelivery(
        self, request: pb.RetryDeliveryRequest, context: ServicerContext
    ) -> pb.RetryDeliveryResponse:
        record = await self._deliveries.retry(context.caller.actor, delivery_id_of(request.delivery_id))
        response = pb.RetryDeliveryResponse()
        put_delivery(response.delivery, record)
        return response

    async def CancelDelivery(
        self, request: pb.CancelDeliveryRequest, context: ServicerContext
    ) -> pb.CancelDeliveryResponse:
        record = await self._deliveries.cancel(context.caller.actor, delivery_id_of(request.delivery_id))
        response = pb.CancelDeliveryResponse()
        put_delivery(response.delivery, record)
        return response

    async def RetryDeliveries(
        self, request: pb.RetryDeliveriesRequest, context: ServicerContext
    ) -> pb.RetryDeliveriesResponse:
        wanted = delivery_filter(request.filter)
        if request.count_only:
            return pb.RetryDeliveriesResponse(
                count=await self._deliveries.count_retryable(context.caller.actor, wanted), complete=True
            )
        bulk = await self._deliveries.retry_matching(context.caller.actor, wanted, _is_over(context))
        return pb.RetryDeliveriesResponse(count=bulk.changed, complete=bulk.is_complete)

    async def CancelDeliveries(
        self, request: pb.CancelDeliveriesRequest, context: ServicerContext
    ) -> pb.CancelDeliveriesResponse:
        wanted = delivery_filter(request.filter)
        if request.count_only:
            return pb.CancelDeliveriesResponse(
                count=await self._deliveries.count_cancellable(context.caller.actor, wanted), complete=True
            )
        bulk = await self._deliveries.cancel_matching(context.caller.actor, wanted, _is_over(context))
        return pb.CancelDeliveriesResponse(count=bulk.changed, complete=bulk.is_complete)

    async def WatchDeliveries(
        self, request: pb.WatchDeliveriesRequest, context: ServicerContext
    ) -> AsyncIterator[pb.WatchDeliveriesResponse]:
        wanted = delivery_filter(request.filter)
        async with aclosing(self._watches.events(context.caller.owner, wanted, request.position)) as events:
            async for event in events:
                response = pb.WatchDeliveriesResponse(position=event.position)
                if isinstance(event.content, WatchedChange):
                    put_change(response.change, event.content)
                else:
                    getattr(response, _NOTICES[event.content]).SetInParent()
                yield response

    async def TestTarget(self, request: pb.TestTargetRequest, context: ServicerContext) -> pb.TestTargetResponse:
        result = await self._tester.test(context.caller.actor, request.target_id)
        response = pb.TestTargetResponse(outcome=result.outcome, http_status=result.status or 0)
        response.duration.FromMilliseconds(round(result.seconds * 1_000))
        return response

    async def GetTargetHealth(
        self, request: pb.GetTargetHealthRequest, context: ServicerContext
    ) -> pb.GetTargetHealthResponse:
        report = await self._deliveries.report(context.caller.actor, request.target_id)
        response = pb.GetTargetHealthResponse()
        put_target_health(response.health, request.target_id, report)
        return response

    async def ResumeTarget(self, request: pb.ResumeTargetRequest, context: ServicerContext) -> pb.ResumeTargetResponse:
        report = await self._deliveries.resume(context.caller.actor, request.target_id)
        response = pb.ResumeTargetResponse()
        put_target_health(response.health, request.target_id, report)
        return response

    async def PublishEvent(self, request: pb.PublishEventRequest, context: ServicerContext) -> pb.PublishEventResponse:
        (published,) = await self._publish([request], request.ByteSize(), context)
        return _published(published)

    async def PublishEvents(
        self, request: pb.PublishEventsRequest, context: ServicerContext
    ) -> pb.PublishEventsResponse:
        published = await self._publish(request.events, request.ByteSize(), context)
        return pb.PublishEventsResponse(events=map(_published, published))

    async def GetCaller(self, _request: pb.GetCallerRequest, context: ServicerContext) -> pb.GetCallerResponse:
        caller: Caller = context.caller
        token = caller.token
        response = pb.GetCallerResponse(
            token_id=token.id, name=token.name, resource_owner=token.owner, permissions=sorted(token.permissions)
        )
        if token.expires_at_ns is not None:
            put_ns(response.expire_time, token.expires_at_ns)
        return response

    async def _publish(
        self, requests: Sequence[pb.PublishEventRequest], size: int, context: ServicerContext
    ) -> Sequence[Published]:
        if size < OFFLOAD_BYTES:
            events = new_events(requests)
        else:
            events = await run_in_turn(context.caller.owner, new_events, requests)
        return await self._publishing.publish(context.caller.actor, events)


_NOTICES: Mapping[Notice, str] = {Notice.HEARTBEAT: "heartbeat", Notice.MISSED: "missed"}
"""The fields of WatchDeliveriesResponse."""


def _is_over(context: ServicerContext) -> Callable[[], bool]:
    """Return what tells that a call which works in portions has to respond now."""
    remaining = context.time_remaining()
    seconds = MAX_BULK_SECONDS if remaining is None else min(MAX_BULK_SECONDS, remaining * _BULK_SHARE)
    end = time.monotonic() + seconds
    return lambda: time.monotonic() >= end


def _published(published: Published) -> pb.PublishEventResponse:
    return pb.PublishEventResponse(sequence=published.sequence, created=published.is_new)

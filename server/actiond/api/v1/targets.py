"""Converts what is known of a target's deliveries to protobuf."""

from actiond_protos.actiond.v1 import target_health_pb2 as pb

from actiond.actions.deliveries import DeliveryState
from actiond.actions.queries import TargetReport
from actiond.actions.target_health import TargetHealth
from actiond.api.timestamps import put_ms


def put_target_health(message: pb.TargetHealth, target_id: str, report: TargetReport) -> None:
    """Fill in how the deliveries of a target go."""
    message.target_id = target_id
    message.status = _status(report.health)
    if report.health is not None:
        _put_failures(message, report.health)
    if report.last_ok_ms is not None:
        put_ms(message.last_success_time, report.last_ok_ms)
    message.waiting_count = report.unfinished.get(DeliveryState.WAITING, 0)
    message.behind_count = report.unfinished.get(DeliveryState.BEHIND, 0)
    message.parked_count = report.unfinished.get(DeliveryState.PARKED, 0)


def _put_failures(message: pb.TargetHealth, health: TargetHealth) -> None:
    message.failure_count = health.failures
    if health.failing_since_ms:
        put_ms(message.failing_since_time, health.failing_since_ms)
    if health.failures:
        message.last_failure = health.reason
    # While a probe runs, the pause lasts until its lease ends, which says nothing to a client.
    if health.paused_until_ms is not None and not health.probe:
        put_ms(message.next_probe_time, health.paused_until_ms)


def _status(health: TargetHealth | None) -> pb.TargetHealthStatus:
    if health is None:
        return pb.TARGET_HEALTH_STATUS_HEALTHY
    if health.is_held:
        return pb.TARGET_HEALTH_STATUS_HELD
    if health.is_paused:
        return pb.TARGET_HEALTH_STATUS_PAUSED
    return pb.TARGET_HEALTH_STATUS_RECOVERING if health.portion else pb.TARGET_HEALTH_STATUS_HEALTHY

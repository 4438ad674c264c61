"""What is counted of one worker, and how it reads."""

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4

from actiond.actions.deliveries import UNFINISHED, DeathReason, DeliveryState, DeliveryTotals
from actiond.delivery.outcomes import Outcome, TargetCall
from actiond.telemetry.metrics import recorder
from actiond.telemetry.metrics.families import BATCH_SIZE_BUCKETS, DURATION_BUCKETS, FAMILIES
from actiond.telemetry.metrics.memory import Memory
from actiond.telemetry.metrics.null import NullMetrics
from actiond.telemetry.metrics.recorder import Metrics
from rpcfront import CallEnd, Gateway, HttpRequest
from tests.support.clients.http import ask
from tests.support.metrics import Reading
from tests.support.servers.faces import HTTP_FACES
from tests.support.services import echo

METHOD = "zitadel.action.v3alpha.ActionService/CreateTarget"


def api_call(method: str = METHOD, protocol: str = "json", code: int = 0, seconds: float = 0.002) -> CallEnd:
    return CallEnd(protocol, method, code, seconds, None, "a-request", "ipv4:127.0.0.1:1")


def target_call(
    target: str = "1", outcome: Outcome = Outcome.OK, seconds: float = 0.02, *, is_ignored: bool = False
) -> TargetCall:
    return TargetCall(target, "request/an.Execution", outcome, None, seconds, is_ignored, "a-request")


def read(metrics: Metrics) -> Reading:
    return Reading(metrics.render())


def counted(calls: Iterable[CallEnd | TargetCall]) -> Reading:
    metrics = Metrics()
    for call in calls:
        if isinstance(call, CallEnd):
            metrics.ended(None, call)
        else:
            metrics.observe_target(call)
    return read(metrics)


def test_every_metric_is_told_of_from_the_start() -> None:
    families = read(Metrics()).families
    told = {name: family.type for name, family in families.items() if name.startswith("actiond_")}
    # The parser cuts the counters' suffix, as OpenMetrics does.
    assert told == {family.name.removesuffix("_total"): family.kind.value for family in FAMILIES}
    assert all(families[name].documentation for name in told)


async def test_the_content_type_is_that_of_the_text_format() -> None:
    page = Metrics().handlers("/metrics", None)["/metrics"]
    response = await page(HttpRequest("GET", "/metrics", []))
    assert dict(response.headers)["content-type"] == CONTENT_TYPE_PLAIN_0_0_4


def test_calls_are_counted_by_method_protocol_and_code() -> None:
    reading = counted([api_call(), api_call(), api_call(code=5), api_call(protocol="grpc")])
    name = "actiond_calls_total"
    assert reading(name, method=METHOD, protocol="json", code="OK") == 2
    assert reading(name, method=METHOD, protocol="json", code="NOT_FOUND") == 1
    assert reading(name, method=METHOD, protocol="grpc", code="OK") == 1


def test_the_durations_of_a_methods_calls_are_one_histogram_whatever_their_code() -> None:
    reading = counted([api_call(seconds=0.001), api_call(code=4, seconds=40.0)])
    name, labels = "actiond_call_duration_seconds", {"method": METHOD, "protocol": "json"}
    assert reading(f"{name}_count", **labels) == 2
    assert reading(f"{name}_sum", **labels) == 40.001
    assert reading(f"{name}_bucket", le="30.0", **labels) == 1
    assert reading(f"{name}_bucket", le="+Inf", **labels) == 2


@given(st.lists(st.floats(0, 100) | st.sampled_from(DURATION_BUCKETS)))
def test_a_bucket_counts_what_is_not_above_its_bound(seconds: list[float]) -> None:
    metrics = Metrics(Memory(region_bytes=1 << 16))
    for value in [1.0, *seconds]:
        metrics.ended(None, api_call(seconds=value))
    reading = read(metrics)
    for bound in DURATION_BUCKETS:
        counted = reading("actiond_call_duration_seconds_bucket", method=METHOD, protocol="json", le=str(bound))
        assert counted == sum(value <= bound for value in [1.0, *seconds])


def test_what_reached_no_method_is_counted_as_none_and_not_timed() -> None:
    reading = counted([api_call("", "http", 5, 0.0)])
    assert reading("actiond_calls_total", method="none", protocol="http", code="NOT_FOUND") == 1
    assert not reading.labels("actiond_call_duration_seconds_count", "method")


def test_a_code_that_is_none_of_googles_is_other() -> None:
    assert counted([api_call(code=77)])("actiond_calls_total", method=METHOD, protocol="json", code="other") == 1


async def test_a_strangers_words_never_become_labels() -> None:
    metrics = Metrics()
    gateway = Gateway(services=[(echo.service(), echo.AsyncEcho())], observers=[metrics])
    async with HTTP_FACES["asgi"](gateway) as port:
        for path in ("/wp-login.php", "/echo.v1.Echo/Mine", "/echo.v1.Echo/Say"):
            for kind in ("application/json", "application/grpc-web+proto", "application/mine"):
                await ask(port, "POST", path, b"{}", {"content-type": kind})
    reading = await asyncio.to_thread(read, metrics)
    assert reading.labels("actiond_calls_total", "method") == {"none", "echo.v1.Echo/Say"}
    assert reading.labels("actiond_calls_total", "protocol") == {"http", "connect", "grpc-web"}


def test_calls_to_targets_are_counted_by_target_and_outcome() -> None:
    reading = counted([target_call(), target_call(), target_call(outcome=Outcome.TIMEOUT), target_call("2")])
    assert reading("actiond_target_calls_total", target="1", outcome="ok") == 2
    assert reading("actiond_target_calls_total", target="1", outcome="timeout") == 1
    assert reading("actiond_target_calls_total", target="2", outcome="ok") == 1


def test_the_durations_of_calls_to_targets_are_a_histogram_for_each_outcome() -> None:
    reading = counted([target_call("1", seconds=0.25), target_call("2", seconds=0.5)])
    assert reading("actiond_target_call_duration_seconds_sum", outcome="ok") == 0.75
    assert reading("actiond_target_call_duration_seconds_bucket", outcome="ok", le="0.25") == 1


def test_failures_that_are_passed_over_are_counted_by_target() -> None:
    failed = [target_call(outcome=Outcome.STATUS, is_ignored=passed_over) for passed_over in (True, False, True)]
    reading = counted([*failed, target_call()])
    assert reading("actiond_target_failures_ignored_total", target="1") == 2
    assert reading("actiond_target_calls_total", target="1", outcome="status") == 3


@pytest.mark.parametrize("limit", [0, 3])
def test_targets_over_the_limit_are_counted_together(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MAX_TARGETS", limit)
    failed = [target_call(str(number), Outcome.TLS, is_ignored=True) for number in range(5)]
    reading = counted([*failed, *failed])
    own = {str(number) for number in range(limit)}
    for name in ("actiond_target_calls_total", "actiond_target_failures_ignored_total"):
        assert reading.labels(name, "target") == {*own, "other"}
    assert reading("actiond_target_calls_total", target="other", outcome="tls") == 2 * (5 - limit)
    assert reading("actiond_target_failures_ignored_total", target="other") == 2 * (5 - limit)


def test_the_longest_labels_that_may_come_have_room() -> None:
    metrics = Metrics()
    targets = [f"{number:0200}" for number in range(recorder.MAX_TARGETS)]
    for target in targets:
        for outcome in Outcome:
            metrics.observe_target(target_call(target, outcome, is_ignored=True))
    for number in range(1000):
        metrics.ended(None, api_call(f"{number:0200}"))
    rows = {key for key, _ in metrics._memory.regions[1].rows()}
    assert f"actiond_calls_total\0{999:0200}\0json\0OK".encode() in rows
    assert all(
        f"actiond_target_calls_total\0{target}\0{outcome.value}".encode() in rows
        for target in targets
        for outcome in Outcome
    )


def test_a_full_memory_loses_figures_but_no_call() -> None:
    metrics = Metrics(Memory(region_bytes=1024))
    for number in range(100):
        metrics.ended(None, api_call(f"a.Service/Method{number}"))
        metrics.observe_target(target_call(str(number), Outcome.KEY_UNAVAILABLE, is_ignored=True))
    assert read(metrics)("actiond_store_batch_size_count") == 0


def test_the_writers_batches_are_a_histogram_and_what_waits_is_a_gauge() -> None:
    metrics = Metrics()
    for size, waiting in ((1, 0), (1, 7), (512, 3)):
        metrics.observe_batch(size, waiting)
    reading = read(metrics)
    assert reading("actiond_store_batch_size_bucket", le="1.0") == 2
    assert reading("actiond_store_batch_size_bucket", le=str(BATCH_SIZE_BUCKETS[-1])) == 3
    assert reading("actiond_store_batch_size_sum") == 514
    assert reading("actiond_store_changes_waiting") == 3


def test_started_calls_are_a_gauge() -> None:
    metrics = Metrics()
    for under_way in (1, 2, 1):
        metrics.set_background_calls(under_way)
    assert read(metrics)("actiond_started_target_calls") == 1


def test_attempts_to_deliver_are_counted_by_outcome() -> None:
    metrics = Metrics()
    for outcome in ("ok", "status", "ok", "cancelled"):
        metrics.delivery_metrics.attempted(outcome)
    reading = read(metrics)
    counts = {outcome: reading("actiond_delivery_attempts_total", outcome=outcome) for outcome in ("ok", "status")}
    assert counts == {"ok": 2, "status": 1}
    assert reading.labels("actiond_delivery_attempts_total", "outcome") == {"ok", "status", "cancelled"}


def test_lags_ages_and_claims_of_deliveries_are_histograms() -> None:
    metrics = Metrics()
    deliveries = metrics.delivery_metrics
    for seconds in (0.001, 0.3, 400.0):
        deliveries.began(seconds)
        deliveries.delivered(1_000 * seconds)
    deliveries.claimed(64)
    reading = read(metrics)
    assert reading("actiond_delivery_lag_seconds_bucket", le="0.001") == 1
    assert reading("actiond_delivery_lag_seconds_bucket", le="0.5") == 2
    assert reading("actiond_delivery_lag_seconds_bucket", le="+Inf") == 3
    assert reading("actiond_delivery_age_seconds_bucket", le="300.0") == 2
    assert reading("actiond_delivery_age_seconds_count") == 3
    assert reading("actiond_delivery_claim_size_sum") == 64


def test_deliveries_that_were_given_up_are_counted_by_reason() -> None:
    metrics = Metrics()
    metrics.delivery_metrics.died([DeathReason.AGE, DeathReason.ATTEMPTS])
    metrics.delivery_metrics.died([DeathReason.AGE])
    metrics.delivery_metrics.died([])
    reading = read(metrics)
    assert reading("actiond_deliveries_dead_total", reason="age") == 2
    assert reading("actiond_deliveries_dead_total", reason="attempts") == 1


def test_leases_that_were_lost_add_up() -> None:
    metrics = Metrics()
    for leases in (3, 4):
        metrics.delivery_metrics.lost_leases(leases)
    assert read(metrics)("actiond_delivery_leases_lost_total") == 7


TOTALS = DeliveryTotals({DeliveryState.WAITING: 5, DeliveryState.PARKED: 3, DeliveryState.DEAD: 2}, 1_500, 4)


def gauges(metrics: Metrics) -> dict[str, float | None]:
    reading = read(metrics)
    states = [state.value for state in (*UNFINISHED, DeliveryState.DEAD)]
    return {
        **{state: reading("actiond_deliveries", state=state) for state in states},
        "oldest": reading("actiond_deliveries_oldest_due_seconds"),
        "paused": reading("actiond_targets_paused"),
    }


NONE_LEFT = {"waiting": 0, "behind": 0, "parked": 0, "dead": 0, "oldest": 0, "paused": 0}


def test_what_the_keeper_counts_are_gauges() -> None:
    metrics = Metrics()
    metrics.delivery_metrics.counted(TOTALS)
    assert gauges(metrics) == {"waiting": 5, "behind": 0, "parked": 3, "dead": 2, "oldest": 1.5, "paused": 4}
    metrics.delivery_metrics.counted(DeliveryTotals({}, 0, 0))
    assert gauges(metrics) == NONE_LEFT


def test_gauges_of_deliveries_are_those_of_the_worker_that_counts_now() -> None:
    memory = Memory(2)
    former, new = (Metrics(memory, number) for number in (1, 2))
    former.delivery_metrics.counted(TOTALS)
    former.delivery_metrics.counted(None)
    new.delivery_metrics.counted(TOTALS)
    assert gauges(former) == gauges(new)
    assert gauges(new)["waiting"] == 5


def test_a_replacement_of_the_worker_that_counted_forgets_its_gauges_and_keeps_its_counters() -> None:
    memory = Memory(2)
    killed = Metrics(memory, 1)
    killed.delivery_metrics.counted(TOTALS)
    killed.delivery_metrics.attempted("ok")
    replacement = Metrics(memory, 1)
    assert gauges(replacement) == NONE_LEFT
    replacement.delivery_metrics.attempted("ok")
    assert read(replacement)("actiond_delivery_attempts_total", outcome="ok") == 2


def test_every_outcome_and_reason_has_a_series_though_the_memory_is_full_of_targets() -> None:
    metrics = Metrics()
    for number in range(recorder.MAX_TARGETS):
        for outcome in Outcome:
            metrics.observe_target(target_call(f"{number:0200}", outcome, is_ignored=True))
    outcomes = {outcome.value for outcome in Outcome}
    for value in outcomes:
        metrics.delivery_metrics.attempted(value)
    metrics.delivery_metrics.died(DeathReason)
    reading = read(metrics)
    assert reading.labels("actiond_delivery_attempts_total", "outcome") == outcomes
    assert reading.labels("actiond_deliveries_dead_total", "reason") == {reason.value for reason in DeathReason}


def test_a_server_without_metrics_observes_deliveries_all_the_same() -> None:
    deliveries = NullMetrics().delivery_metrics
    deliveries.claimed(1)
    deliveries.began(0.1)
    deliveries.attempted("ok")
    deliveries.delivered(0.1)
    deliveries.died([DeathReason.AGE])
    deliveries.lost_leases(1)
    deliveries.counted(TOTALS)


def test_labels_that_need_quoting_are_read_back_as_they_are() -> None:
    target = 'a "quoted"\\ \n ünicode id'
    assert counted([target_call(target)])("actiond_target_calls_total", target=target, outcome="ok") == 1


def test_the_process_is_measured_too() -> None:
    reading = read(Metrics())
    assert (reading("process_resident_memory_bytes", worker="1") or 0) > 1_000_000
    assert (reading("process_cpu_seconds_total", worker="1") or 0) > 0
    assert (reading("process_open_fds", worker="1") or 0) > 2


def test_two_workers_are_read_as_one_from_either() -> None:
    memory = Memory(2)
    workers = [Metrics(memory, number) for number in (1, 2)]
    for metrics in workers:
        metrics.ended(None, api_call())
        metrics.observe_target(target_call())
        metrics.observe_batch(4, 5)
        metrics.set_background_calls(6)
    for metrics in workers:
        reading = read(metrics)
        assert reading("actiond_calls_total", method=METHOD, protocol="json", code="OK") == 2
        assert reading("actiond_call_duration_seconds_sum", method=METHOD, protocol="json") == 0.004
        assert reading("actiond_target_calls_total", target="1", outcome="ok") == 2
        assert reading("actiond_store_batch_size_count") == 2
        assert reading("actiond_store_changes_waiting") == 10
        assert reading("actiond_started_target_calls") == 12
        assert reading.labels("process_open_fds", "worker") == {"1", "2"}


def test_a_replacement_counts_on_and_knows_the_targets_of_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "MAX_TARGETS", 2)
    memory = Memory()
    for targets in ("ab", "cab"):
        metrics = Metrics(memory)
        metrics.observe_batch(1, 9)
        for target in targets:
            metrics.observe_target(target_call(target))
    reading = read(Metrics(memory))
    counts = {
        target: reading("actiond_target_calls_total", target=target, outcome="ok") for target in ("a", "b", "other")
    }
    assert counts == {"a": 2, "b": 2, "other": 1}
    assert reading("actiond_store_batch_size_count") == 2
    assert reading("actiond_store_changes_waiting") == 0


def test_reading_works_while_others_count() -> None:
    metrics = Metrics()

    async def count_and_read() -> None:
        reading = asyncio.create_task(asyncio.to_thread(metrics.render))
        number = 0
        while not reading.done():
            metrics.observe_target(target_call(str(number)))
            number += 1
            await asyncio.sleep(0)
        Reading(await reading)

    asyncio.run(count_and_read())

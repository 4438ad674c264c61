"""Logs what becomes of deliveries and their targets, beside the line that each attempt has."""

import logging
from collections import Counter

from actiond.actions.use_cases.delivering import Exchanged

_log = logging.getLogger(__name__)


def log_exchange(exchanged: Exchanged) -> None:
    """Log the targets that were paused or resumed, and how many deliveries were given up or lost their worker."""
    for health in exchanged.turned:
        if health.is_paused:
            until = " until somebody resumes it" if health.is_held else ""
            _log.warning(
                "target %s is paused%s; failures in a row: %d, the last one: %s",
                health.target_id,
                until,
                health.failures,
                health.reason,
            )
        else:
            _log.info("target %s is resumed", health.target_id)
    for reason, deliveries in Counter(exchanged.dead).items():
        _log.warning("%d deliveries are dead: %s", deliveries, reason.value)
    if exchanged.leases_lost:
        _log.warning("%d attempts were lost with their worker and are made again", exchanged.leases_lost)

"""How Hypothesis runs what a contract says."""

from hypothesis import HealthCheck, settings

from tests.support.examples import examples

property_of_a_store = settings(
    examples(30),
    deadline=None,  # the disk may be slow
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # each example makes a store of its own
        HealthCheck.differing_executors,  # each store's class inherits the test and runs it by itself
    ],
)

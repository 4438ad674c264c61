"""What holds for all tests."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# pytest rewrites the asserts of test modules only; those of helpers shall say what they compared, too.
pytest.register_assert_rewrite(*(f"tests.{path.stem}" for path in Path(__file__).parent.iterdir()))

# Machines are shared: how long an example takes says nothing of the code. And in CI a run says something of a change
# alone, so examples are the same each time; new ones are met on developers' machines.
settings.register_profile("actiond", deadline=None, derandomize=bool(os.environ.get("CI")))
# Of `make test-fast`: a tenth of the examples. See tests/support/examples.py.
settings.register_profile("fast", settings.get_profile("actiond"), max_examples=10)
settings.load_profile("actiond")

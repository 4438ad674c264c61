"""What holds for all tests."""

import os

from hypothesis import settings

# Machines are shared: how long an example takes says nothing of the code. And in CI a run says something of a change
# alone, so examples are the same each time; new ones are met on developers' machines.
settings.register_profile("actiond", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("actiond")

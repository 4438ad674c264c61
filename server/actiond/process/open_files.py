"""The limit on open files: raised as far as it may be, and refused where nobody could be served with it."""

import resource

from actiond.process.console import Failure

MAX_OPEN_FILES = 65_536
"""What the soft limit is raised to, as far as the hard limit allows."""
MIN_OPEN_FILES = 128
"""What a worker needs: some 40 for itself and its database, the others for connections and calls to targets."""


def raise_limit() -> None:
    """Allow many connections. The usual soft limit of 1024 is there for programs that use select(). Raise Failure."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft != resource.RLIM_INFINITY and soft < MIN_OPEN_FILES:
        raise Failure(f"the limit on open files, {soft}, is too low: at least {MIN_OPEN_FILES} are needed (ulimit -n)")

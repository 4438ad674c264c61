"""What the threads of one store share."""

from dataclasses import dataclass, field

from actiond.storage.sqlite.failure_log import FailureLog
from actiond.storage.sqlite.files import DatabaseFiles
from actiond.storage.sqlite.snapshots import Snapshots


@dataclass(frozen=True, slots=True)
class Shared:
    """Beside the database itself."""

    files: DatabaseFiles
    snapshots: Snapshots = field(default_factory=Snapshots)
    log: FailureLog = field(default_factory=FailureLog)

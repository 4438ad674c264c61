"""Reads the server's log of calls to targets."""

import asyncio
import re

from tests.process.calls import until
from tests.server_process import ServerProcess

LINE = re.compile(
    r"(?P<time>\S+) (?P<level>INFO|WARNING) actiond\.targets: target=(?P<target>\S+) execution=(?P<execution>\S+)"
    r" outcome=(?P<outcome>ok|passed_over|failed) status=(?P<status>[0-9]{3}|-) ms=(?P<ms>[0-9]+\.[0-9]{3})"
    r" error=(?P<error>[a-z_]+|-) request_id=(?P<request>\S+)"
)


def calls_of(server: ServerProcess, target_id: str) -> list[dict[str, str]]:
    """The lines of calls to a target, in their order. A line is there before the answer to the call it was made for."""
    found = (LINE.fullmatch(line) for line in server.stderr.splitlines() if f" target={target_id} " in line)
    lines = []
    for match in found:
        assert match is not None, "a line about a target has another form"
        lines.append(match.groupdict())
    return lines


def outcomes(server: ServerProcess, target_id: str) -> list[tuple[str, str]]:
    """How calls to a target ended: for the execution, and which kind of error it was."""
    return [(line["outcome"], line["error"]) for line in calls_of(server, target_id)]


async def until_ended(server: ServerProcess, target_id: str) -> None:
    """Until a call to the target has ended that nobody waits for."""
    await asyncio.to_thread(until, lambda: calls_of(server, target_id) != [], f"a call to target {target_id} has ended")

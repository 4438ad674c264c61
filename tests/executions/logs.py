"""Reads the server's log of calls to targets."""

import asyncio
import re

from tests.support.servers.actiond import ServerProcess
from tests.support.waiting import until

LINE = re.compile(
    r"time=(?P<time>\S+) target=(?P<target>\S+) execution=(?P<execution>\S+)"
    r" outcome=(?P<outcome>ok|ignored|failed) status=(?P<status>[0-9]{3}|-) duration_ms=(?P<duration_ms>[0-9]+\.[0-9]+)"
    r" error=(?P<error>[a-z_]+|-) request_id=(?P<request>\S+)"
)


def calls_of(server: ServerProcess, target_id: str, least: int = 1) -> list[dict[str, str]]:
    """The lines of calls to a target, in their order, once there are that many: they are written a little later."""

    def lines() -> list[str]:
        return [line for line in server.stderr.splitlines() if f" target={target_id} " in line]

    until(lambda: len(lines()) >= least, f"{least} calls to target {target_id} are in the log")
    found = []
    for line in lines():
        match = LINE.fullmatch(line)
        assert match is not None, "a line about a target has another form"
        found.append(match.groupdict())
    return found


def outcomes(server: ServerProcess, target_id: str, least: int = 1) -> list[tuple[str, str]]:
    """How calls to a target ended: for the execution, and which kind of error it was."""
    return [(line["outcome"], line["error"]) for line in calls_of(server, target_id, least)]


async def until_ended(server: ServerProcess, target_id: str) -> None:
    """Until a call to the target has ended that nobody waits for."""
    await asyncio.to_thread(calls_of, server, target_id)

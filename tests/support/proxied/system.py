"""Everything at once: a client's Envoy, the shop behind it, actiond beside it, and targets.

with System(tmp_path) as system:
    target = system.target("/echo", "call")
    system.set("request", PLACE, target)
    … call(system.envoy.port, PLACE, order(id="1"))
"""

import asyncio
import re
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from actiond.actions.tokens import ALL_PERMISSIONS
from actiond.actions.use_cases.tokens import Tokens
from actiond.storage.opening import open_store
from actiond.storage.urls import parse_database_url
from tests.support.clients.json_api import JsonApi
from tests.support.programs import program
from tests.support.proxied.shop import SERVICE, Shop, write_descriptor_set
from tests.support.servers.actiond import ServerProcess
from tests.support.servers.envoy import ROOT, EnvoyProcess
from tests.support.servers.ports import lasting_port
from tests.support.targets.server import TargetServer
from tests.support.tokens import make_token
from tests.support.waiting import until

OWNER = "200000000000000000"
PATIENT = 60.0
"""Seconds of a target's timeout that is not to pass."""
FILE = "envoy-ext-proc.yaml"
TOKEN_VARIABLE = "EXT_PROC_TOKEN"
"""The variable of the environment from which the file takes Envoy's token."""
TRANSCODER_SET = "proto_descriptor: build/ext-proc.binpb"
NO_SERVICES = "services: []"

Edit = Callable[[str], str]
"""Changes the text of the configuration."""


def replaced(old: str, new: str) -> Edit:
    """Return an edit of what stands exactly once in the file."""

    def edit(text: str) -> str:
        assert text.count(old) == 1, (old, text.count(old))
        return text.replace(old, new)

    return edit


def uncommented(first: str, lines: int) -> Edit:
    """Return an edit that removes the `# ` before some lines, the first of which contains `first`."""

    def edit(text: str) -> str:
        all_lines = text.splitlines()
        (start,) = (number for number, line in enumerate(all_lines) if first in line)
        for number in range(start, start + lines):
            indent, mark, rest = all_lines[number].partition("# ")
            assert mark, all_lines[number]
            assert not indent.strip(), all_lines[number]
            all_lines[number] = indent + rest
        return "\n".join(all_lines)

    return edit


def shipped_config(listener: int, upstream: int, actiond: int, transcoder_set: Path) -> str:
    """Return the text of the shipped file with other ports and another descriptor set of the transcoder."""
    ports = {"8091": listener, "50052": upstream, "50051": actiond}
    # All at once: a port that the system has chosen may be one that the file has.
    text, changes = re.subn(r"(?<=port_value: )\d+", lambda port: str(ports[port[0]]), (ROOT / FILE).read_text())
    assert changes == len(ports)
    return replaced(TRANSCODER_SET, f"proto_descriptor: {transcoder_set}")(text)


class System:
    """`edits` change the shipped file beyond ports and paths; `flags` are actiond's."""

    def __init__(
        self,
        directory: Path,
        *flags: str,
        edits: Sequence[Edit] = (),
        workers: int = 1,
        is_restarted: bool = False,
    ) -> None:
        """`is_restarted` lets actiond keep its ports."""
        self._directory = directory
        self._edits = edits
        self.shop = Shop()
        self.targets = TargetServer()
        set_path = write_descriptor_set(directory / "shop.binpb")
        self.descriptors = ["--descriptor-set", str(set_path)]
        arguments = ["--allow-address", "127.0.0.0/8", *self.descriptors, *flags]
        folder = directory / "actiond"
        folder.mkdir()
        addresses: dict[str, Any] = {}
        if is_restarted:
            addresses = {name: f"127.0.0.1:{lasting_port()}" for name in ("grpc_address", "http_address")}
        self.server = ServerProcess(folder, *arguments, workers=workers, **addresses)
        self.envoy: EnvoyProcess
        self._stack = ExitStack()
        self._set: list[dict[str, Any]] = []
        self._numbers = count(1)
        self.token = ""
        """Envoy's."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self.shop)
            stack.enter_context(self.targets)
            self.server.start()
            stack.callback(lambda: self.server.stop())
            self.admin_token = self._add_token(ALL_PERMISSIONS)
            self.token = self._add_token("execution.process")
            self._api = JsonApi(lambda: self.server.http_port, self.admin_token, bypasses=True)
            command = [program("actiond"), "descriptors", str(self._transcoder_set), *self.descriptors]
            subprocess.run(command, check=True, timeout=60)
            self.envoy = stack.enter_context(self.envoy_with(*self._edits))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    @property
    def _transcoder_set(self) -> Path:
        return self._directory / "transcoder.binpb"

    def envoy_with(self, *edits: Edit, token: str | None = None) -> EnvoyProcess:
        """Return an Envoy, not started yet, between the same parts; its configuration differs by these edits."""
        folder = self._directory / f"envoy-{next(self._numbers)}"
        folder.mkdir()

        def config(listener: int, upstream: int) -> str:
            text = self._config(listener, upstream)
            for edit in edits:
                text = edit(text)
            return text

        variables = {TOKEN_VARIABLE: self.token if token is None else token}
        return EnvoyProcess(folder, self.shop.port, config, variables)

    def _config(self, listener: int, upstream: int) -> str:
        text = shipped_config(listener, upstream, self.server.grpc_port, self._transcoder_set)
        return replaced(NO_SERVICES, f"services: [{SERVICE}]")(text)

    def wait_for_log(self, text: str) -> None:
        """Wait until actiond's log has a text."""
        until(lambda: text in self.server.stderr, text)

    @property
    def port(self) -> int:
        """Of Envoy's listener."""
        return self.envoy.port

    def target(
        self, path: str, kind: str = "call", *, interrupts: bool = True, seconds: float = PATIENT, endpoint: str = ""
    ) -> str:
        """Create a target at a path of `targets`, or elsewhere, and return its id. `seconds` is its timeout."""
        options = {} if kind == "async" else {"interruptOnError": interrupts}
        target = {
            "name": f"target {next(self._numbers)}",
            f"rest{kind.capitalize()}": options,
            "timeout": f"{seconds:g}s",
            "endpoint": endpoint or self.targets.url(path),
        }
        return str(self._api.call("POST", "/v3alpha/targets", target)["id"])

    def set(self, kind: str, method: str, *target_ids: str) -> None:
        """Set what runs around a method; `kind` is `request` or `response`, `method` a path or `all`."""
        condition = {kind: {"all": True} if method == "all" else {"method": method}}
        self._api.set_execution(condition, *target_ids)
        self._set.append(condition)

    def forget(self) -> None:
        """Undo every `set`."""
        for condition in self._set:
            self._api.call("DELETE", "/v3alpha/executions", {"condition": condition})
        self._set.clear()

    def start_actiond(self) -> None:
        """Start actiond again, after it was stopped or killed."""
        self.server.lines.clear()
        self.server.start()

    def _add_token(self, permission: str) -> str:
        """Add a token of OWNER's to the store that actiond runs on."""
        secret = f"the-secret-of-{permission}"

        async def add() -> None:
            store = open_store(parse_database_url(self.server.database))
            try:
                token = make_token(secret, OWNER, [permission], token_id=f"token-{permission}")
                await Tokens(store, time.time_ns).add(token)
            finally:
                await store.close()

        asyncio.run(add())
        return secret

"""Drives a page in headless Chromium over its DevTools protocol: with real keys, at any width, in light or dark."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.clients.browser import FLAGS, running
from tests.support.waiting import WAIT, until

KEYS = {
    "Tab": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9},
    "Enter": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"},
}


class Tab:
    """A tab of the browser. What its pages throw, log as an error, or break of their policy is in `complaints`."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._ids = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def receive(self) -> None:
        """Take what the browser sends, until the connection ends."""
        async for message in self._socket:
            data = json.loads(message.data)
            if "id" in data:
                self._waiting.pop(data["id"]).set_result(data)
            elif data["method"] == "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(data["params"]["exceptionDetails"]))
            elif data["method"] == "Log.entryAdded" and data["params"]["entry"]["source"] != "network":
                self.complaints.append(data["params"]["entry"]["text"])

    async def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self._ids)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        data = await asyncio.wait_for(answer, 4 * WAIT)
        assert "error" not in data, f"{method}: {data['error']}"
        result: dict[str, Any] = data["result"]
        return result

    async def evaluate(self, expression: str) -> Any:
        """Return the value of a script's expression, awaited if it is a promise."""
        done = await self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        for _ in range(int(WAIT / 0.02)):
            if await self.evaluate(f"Boolean({expression})"):
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"never: {expression}; the page is:\n{await self.evaluate('document.body.innerText')}")

    async def open(self, url: str) -> None:
        """Open a page anew, even if only its anchor differs, and wait until it is loaded."""
        await self.send("Page.navigate", url="about:blank")
        await self.until("location.href === 'about:blank'")
        self.complaints.clear()
        await self.send("Page.navigate", url=url)
        await self.until("location.href !== 'about:blank' && document.readyState === 'complete'")

    async def press(self, key: str) -> None:
        await self.send("Input.dispatchKeyEvent", type="keyDown", **KEYS[key])
        await self.send("Input.dispatchKeyEvent", type="keyUp", **{**KEYS[key], "text": ""})

    async def type(self, text: str) -> None:
        await self.send("Input.insertText", text=text)

    async def look(self, *, width: int = 1280, height: int = 900, scheme: str = "light") -> None:
        """Set the width of the window, and whether its reader prefers light or dark."""
        await self.send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        await self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


@asynccontextmanager
async def open_tab(chromium: str, scratch: Path) -> AsyncIterator[Tab]:
    """Start a browser with an empty profile in `scratch`, and close it with the block. Downloads go to `scratch`."""
    profile = scratch / "profile"
    flags = (*FLAGS, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank")
    with running([chromium, *flags], scratch / "console.txt"):
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as response:
                (page,) = [page for page in await response.json() if page["type"] == "page"]
            async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                tab = Tab(socket)
                receiving = asyncio.create_task(tab.receive())
                for domain in ("Page", "Runtime", "Log"):
                    await tab.send(f"{domain}.enable")
                await tab.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(scratch))
                try:
                    yield tab
                finally:
                    receiving.cancel()


async def _port(file: Path) -> int:
    def lines() -> list[str]:
        return file.read_text().splitlines() if file.exists() else []

    await asyncio.to_thread(until, lambda: len(lines()) > 1, "Chromium offers DevTools")
    return int(lines()[0])

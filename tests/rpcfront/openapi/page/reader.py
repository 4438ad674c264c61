"""A gateway as the page sees it, and what a reader does on the page."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote, unquote

from rpcfront import DOCS_PATH, DOCUMENT_PATH, Gateway
from tests.support.clients.devtools import Tab
from tests.support.servers.faces import asgi_server


@dataclass(frozen=True)
class Site:
    """A gateway below a prefix of an ASGI application, which keeps the requests that reach it."""

    gateway: Gateway
    prefix: str = ""
    document: Any = None
    """Served in place of the gateway's own; everything but the page is answered by 200 then."""
    requests: list[str] = field(default_factory=list)
    """The method and the path of each request as it was sent, but for those of the page itself."""

    @property
    def asgi(self) -> Any:
        """A plain function: uvicorn takes a bound method for ASGI 2."""

        async def answer(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                await self.gateway.asgi(scope, receive, send)
                return
            path, query = scope["raw_path"].decode(), scope["query_string"].decode()
            own = {self.prefix + DOCS_PATH, self.prefix + DOCUMENT_PATH}
            if path not in own:
                self.requests.append(f"{scope['method']} {path}{'?' if query else ''}{query}")
            if not path.startswith(f"{self.prefix}/"):
                await _reply(send, 404, b"{}")
            elif self.document is not None and path != self.prefix + DOCS_PATH:
                await _reply(send, 200, json.dumps(self.document).encode())
            else:
                await self.gateway.asgi({**scope, "root_path": unquote(self.prefix)}, receive, send)

        return answer


async def _reply(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def served(site: Site) -> AsyncIterator[str]:
    """Serve the site and yield the URL of its page."""
    async with asgi_server(cast("Gateway", site)) as port:
        yield f"http://127.0.0.1:{port}{site.prefix}{DOCS_PATH}"


@dataclass(frozen=True)
class Operation:
    """An operation that is open on the page."""

    tab: Tab
    id: str

    @property
    def element(self) -> str:
        """The script's expression for it."""
        return f"document.getElementById({json.dumps(self.id)})"

    def within(self, selector: str) -> str:
        return f"{self.element}.querySelector({json.dumps(selector)})"

    async def fill(self, path: list[str], **others: str) -> None:
        """Fill the parameters of the path in their order, and others by the rest of their id after a slash."""
        await self.tab.evaluate(f"""{{
            const fields = [...{self.element}.querySelectorAll("input, textarea, select")];
            const inPath = fields.filter(({{ id }}) => id.startsWith({json.dumps(f"{self.id}/path/")}));
            const values = {json.dumps(path)};
            if (inPath.length !== values.length) throw new Error(inPath.map(({{ id }}) => id).join());
            inPath.forEach((input, index) => {{ input.value = values[index]; }});
            for (const [name, value] of Object.entries({json.dumps(others)})) {{
                const input = fields.find(({{ id }}) => id.endsWith(`/${{name}}`));
                input.value = value;
                input.dispatchEvent(new Event("change"));
            }}
        }}""")

    async def send(self) -> None:
        await self.tab.evaluate(f"{self.within('form')}.requestSubmit()")

    async def ended(self) -> str:
        """Wait for the end of the call, and return its status."""
        await self.tab.until(self.within(".done, .failed"))
        return str(await self.tab.evaluate(f"{self.within('[role=status]')}.textContent"))

    async def text(self, selector: str) -> str:
        return str(await self.tab.evaluate(f"{self.within(selector)}.textContent"))

    async def body(self) -> str:
        return await self.text("[aria-label='Response body']")


async def open_operation(tab: Tab, url: str, operation: str) -> Operation:
    """Open the page at an operation."""
    await tab.open(f"{url}#{quote(operation, safe='')}")
    opened = Operation(tab, operation)
    await tab.until(f"{opened.element}?.querySelector('form')")
    return opened

"""The table of docs/browsers.md: `python -m tests.real_clients.table` makes it by a run and prints it."""

import asyncio
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

from rpcfront import Cors, Gateway
from tests.real_clients.calls import INITIAL, SENT, TRAILING, Calls, service
from tests.real_clients.features import FEATURES
from tests.real_clients.web_page import make_page
from tests.support.clients.browser import Visit, find_chromium, visit
from tests.support.servers.faces import listener
from tests.support.servers.pages import PageServer

# As web/clients.js names them.
CLIENTS = [
    "grpc-web text",
    "grpc-web binary",
    "connect-web gRPC-Web",
    "connect-web Connect JSON",
    "connect-web Connect binary",
    "protobuf-ts text",
    "protobuf-ts binary",
    "nice-grpc-web",
]
REFUSED = "connect-web gRPC-Web JSON"


def visit_calls(chromium: str, site: Path, scratch: Path) -> Visit:
    """The page, opened from an origin that a gateway of the tests' own service allows."""

    async def run(pages: PageServer) -> Visit:
        origin = pages.origin("localhost")
        # Connect's trailers are headers too, and a page sees of those what is exposed.
        expose = (INITIAL, f"trailer-{TRAILING}")
        cors = Cors(frozenset({origin}), allow_headers=(SENT,), expose_headers=expose)
        async with listener(Gateway([(service(), Calls())], cors=cors)) as port:
            query = urlencode({"calls": f"http://127.0.0.1:{port}"})
            return await asyncio.to_thread(visit, chromium, pages, f"{origin}/?{query}", scratch)

    with PageServer(site) as pages:
        return asyncio.run(run(pages))


def cell(report: dict[str, Any], client: str, feature: str) -> str:
    """What the report says of a client's feature. Raises AssertionError for an outcome that is a fault."""
    outcomes = report[client]
    assert "error" not in outcomes, outcomes["error"]
    key, verdict = FEATURES[feature]
    return verdict(outcomes[key])


def render(report: dict[str, Any]) -> str:
    """The table in Markdown."""
    rows = [[client, *(cell(report, client, feature) for feature in FEATURES)] for client in CLIENTS]
    head, *body = (f"| {' | '.join(row)} |" for row in [["client", *FEATURES], *rows])
    return "\n".join([head, f"|{'---|' * (len(FEATURES) + 1)}", *body, ""])


def main() -> None:
    with TemporaryDirectory() as directory:
        report = visit_calls(find_chromium(), make_page(Path(directory)), Path(directory, "visit")).report
    sys.stdout.write(render(report))


if __name__ == "__main__":
    main()

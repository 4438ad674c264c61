"""Serves the interop client's services in cleartext and over TLS until it is ended. Beside them is `/codes`: how many
calls ended with each status code.

The first line on stdout has the two ports; the certificate's authority is a file in the given directory.
"""

import argparse
import asyncio
import logging
from collections import Counter
from pathlib import Path

import grpc
import uvloop

from rpcfront import CallEnd, CallStart, Gateway, HttpRequest, HttpResponse
from tests.conformance.interop.servicer import services
from tests.support.targets.certificates import Authority

HOST = "127.0.0.1"
NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


class Codes:
    """Counts how calls end."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def started(self, call: CallStart) -> None:
        """Only ends are counted."""

    def ended(self, token: None, call: CallEnd) -> None:
        self._counts[NAMES[call.code]] += 1

    async def page(self, request: HttpRequest) -> HttpResponse:
        lines = "".join(f"{name} {count}\n" for name, count in sorted(self._counts.items()))
        return HttpResponse(200, [("content-type", "text/plain")], lines.encode())


async def main(directory: Path) -> None:
    logging.basicConfig(level=logging.WARNING)
    codes = Codes()
    gateway = Gateway(services=services(), handlers={"/codes": codes.page}, observers=[codes])
    authority = Authority()
    (directory / "authority.pem").write_text(authority.pem)
    context = authority.good()
    context.set_alpn_protocols(["h2", "http/1.1"])
    plain = await gateway.listen(HOST, 0)
    tls = await gateway.listen(HOST, 0, ssl=context)
    print(plain.port, tls.port, flush=True)  # noqa: T201  # whoever started it waits for this line
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="gets authority.pem")
    uvloop.run(main(parser.parse_args().directory))

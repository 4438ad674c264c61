"""Serves the interop client's services in cleartext and over TLS until it is ended, with `/healthz` for those that only
want an answer. The first line on stdout has the two ports; the certificate's authority is a file of the given directory.
"""

import argparse
import asyncio
import logging
from pathlib import Path

import uvloop

from rpcfront import Gateway
from tests.conformance.interop.servicer import services
from tests.support.targets.certificates import Authority

HOST = "127.0.0.1"


async def main(directory: Path) -> None:
    logging.basicConfig(level=logging.WARNING)
    gateway = Gateway(services=services(), probes={"/healthz": _healthy})
    authority = Authority()
    (directory / "authority.pem").write_text(authority.pem)
    context = authority.good()
    context.set_alpn_protocols(["h2", "http/1.1"])
    plain = await gateway.listen(HOST, 0)
    tls = await gateway.listen(HOST, 0, ssl=context)
    print(plain.port, tls.port, flush=True)  # noqa: T201  # whoever started it waits for this line
    await asyncio.Event().wait()


async def _healthy() -> None:
    """Return: the server is well while it runs."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="gets authority.pem")
    uvloop.run(main(parser.parse_args().directory))

"""Serves a page to a real browser and collects the reports that the page posts, whatever they mean."""

import json
import queue
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, Self


class PageServer(ThreadingHTTPServer):
    """Serves the page on a free port, under two origins, and collects what it posts.

    `http://localhost:PORT` and `http://127.0.0.1:PORT` are the same server; to a browser they are two origins.
    """

    daemon_threads = True

    def __init__(self, site: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(site)))
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})

    def origin(self, host: str) -> str:
        return f"http://{host}:{self.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(SimpleHTTPRequestHandler):
    """Serves the site's files by GET, and takes a report by POST."""

    def do_POST(self) -> None:
        assert isinstance(self.server, PageServer)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()
        self.server.reports.put(json.loads(body))

    def log_message(self, *_: object) -> None:
        """Log nothing: a test's output needs no access log."""

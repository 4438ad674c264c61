"""A client of the JSON API for tests of what happens behind it: plain HTTP/1.1, one call after another.

It notices what tests of kills need to know: whether a call may have been made although there is no response.
"""

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from itertools import count
from typing import Any
from urllib.parse import urlencode

from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

TIMEOUT = 20.0
ALL_EVENTS: Mapping[str, Any] = {"event": {"all": True}}
NOWHERE = "https://example.com/hook"
"""An endpoint that no test calls."""

_names = count(1)


class NotServedError(Exception):
    """The call was not made: nobody listens."""


class LostResponseError(Exception):
    """The call may have been made, or not."""


class JsonApi:
    """A client with the admin token."""

    def __init__(
        self, port: Callable[[], int], token: str = ADMIN_TOKEN, *, keep_alive: bool = False, bypasses: bool = False
    ) -> None:
        """`port` returns where the server listens at the moment. `bypasses` keeps executions off the calls."""
        self._port = port
        self._keep_alive = keep_alive
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if bypasses:
            self._headers["actiond-bypass-executions"] = "true"
        self._connection: http.client.HTTPConnection | None = None

    @classmethod
    def of(cls, server: ServerProcess) -> "JsonApi":
        return cls(lambda: server.http_port)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the response of a call that succeeds. Raise NotServedError or LostResponseError."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port(), timeout=TIMEOUT)
            self._connection.request(method, path, None if body is None else json.dumps(body), self._headers)
            response = self._connection.getresponse()
            data = response.read()
        except ConnectionRefusedError as error:
            self.close()
            raise NotServedError from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise LostResponseError from error
        if not self._keep_alive:
            self.close()
        if response.status == HTTPStatus.SERVICE_UNAVAILABLE:
            raise LostResponseError
        assert response.status in (HTTPStatus.OK, HTTPStatus.CREATED), (method, path, response.status, data)
        return json.loads(data)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def create_target(self, endpoint: str = NOWHERE, *, name: str = "", timeout: str = "10s") -> Any:
        """Create a target, under a name that no other has unless one is given, and return the response."""
        body = {"name": name or f"target {next(_names)}", "restWebhook": {}, "timeout": timeout, "endpoint": endpoint}
        return self.call("POST", "/v3alpha/targets", body)

    def update_target(self, target_id: str, **fields: str) -> Any:
        return self.call("PUT", f"/v3alpha/targets/{target_id}", fields)

    def delete_target(self, target_id: str) -> Any:
        return self.call("DELETE", f"/v3alpha/targets/{target_id}")

    def set_execution(self, condition: Mapping[str, Any], *target_ids: str) -> Any:
        targets = [{"target": target_id} for target_id in target_ids]
        return self.call("PUT", "/v3alpha/executions", {"condition": condition, "targets": targets})

    def deliveries(self, state: str) -> Iterator[Any]:
        """Yield all deliveries in a state, such as `DEAD`, page by page."""
        query = {"filter.states": f"DELIVERY_STATE_{state}", "pageSize": "1000"}
        while True:
            page = self.call("GET", f"/v1/deliveries?{urlencode(query)}")
            yield from page.get("deliveries", ())
            query["pageToken"] = page.get("nextPageToken", "")
            if not query["pageToken"]:
                return


def on_event(event_type: str) -> Mapping[str, Any]:
    """Return the condition of one type of events."""
    return {"event": {"event": event_type}}

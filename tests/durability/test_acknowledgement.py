"""What an acknowledgement says. A kill rarely falls between it and the commit; who looks at once would see the swap.

No client library stands in between: each would give the server the time to make up for it.
"""

import http.client
import json
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

from google.protobuf import json_format

from tests.durability.ledger import Ledger
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess

CALLS = 500


def test_a_target_is_committed_before_its_client_can_read_the_answer(tmp_path: Path) -> None:
    ledger = Ledger()
    early = []
    with (
        ServerProcess(tmp_path) as server,
        closing(sqlite3.connect(f"file:{tmp_path}/actiond.db?mode=ro", uri=True, isolation_level=None)) as file,
        socket.create_connection(("127.0.0.1", server.http_port), timeout=20) as connection,
    ):
        for _ in range(CALLS):
            request = ledger.next_request()
            body = json_format.MessageToJson(request).encode()
            head = "POST /v3alpha/targets HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            head += f"authorization: Bearer {ADMIN_TOKEN}\r\ncontent-length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            connection.recv(1, socket.MSG_PEEK)
            found = file.execute("SELECT id FROM targets WHERE name = ?", (request.name,)).fetchall()
            with http.client.HTTPResponse(connection) as response:
                response.begin()
                answer = json.loads(response.read())
            if found != [(answer["id"],)]:
                early.append(request.name)
    assert early == []

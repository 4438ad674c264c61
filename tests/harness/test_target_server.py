"""The targets themselves, from a thread that may block, as tests of whole processes use them."""

import http.client
import ssl

import pytest

from tests.support.targets.answers import ok, status
from tests.support.targets.certificates import Authority
from tests.support.targets.server import TargetServer


def _post(connection: http.client.HTTPConnection, path: str, body: bytes = b"{}") -> tuple[int, bytes]:
    connection.request("POST", path, body, {"X-Name": "value"})
    response = connection.getresponse()
    return response.status, response.read()


def _connection(server: TargetServer) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)


def test_it_keeps_what_it_received_and_on_which_connection() -> None:
    with TargetServer() as server:
        for _ in range(2):
            connection = _connection(server)
            assert _post(connection, "/echo?a=b", b"[1]") == (200, b"[1]")
            assert _post(connection, "/status/418") == (418, b"{}")
            connection.close()
        assert server.paths() == ["/echo?a=b", "/status/418"] * 2
        assert [request.connection for request in server.requests] == [1, 1, 2, 2]
        assert (server.requests[0].method, server.requests[0].body) == ("POST", b"[1]")
        assert server.requests[0].header("x-name") == "value"
        assert server.requests[0].header("x-other") is None
        server.wait_until(lambda: server.open == 0)
        assert server.accepted == 2


def test_a_script_answers_in_turn_and_its_last_answer_stays() -> None:
    with TargetServer({"status": status, "not_found": ok(b"{}", status=404)}) as server:
        server.script("/x", ok(b"1"), ok(b"2"))
        connection = _connection(server)
        assert [_post(connection, "/x") for _ in range(3)] == [(200, b"1"), (200, b"2"), (200, b"2")]
        assert _post(connection, "/x/y") == (404, b"{}")
        connection.close()


def test_late_answers_come_late() -> None:
    with TargetServer() as server:
        connection = _connection(server)
        assert _post(connection, "/seconds/0.01") == (200, b"{}")
        connection.request("POST", "/hold", b"{}")
        server.wait_until(lambda: len(server.requests) == 2)
        server.release()
        assert connection.getresponse().status == 200
        connection.close()


def test_it_ends_with_what_it_holds() -> None:
    with TargetServer() as server:
        connection = _connection(server)
        connection.request("POST", "/hold", b"{}")
        server.wait_until(lambda: len(server.requests) == 1)
    with pytest.raises(ConnectionError):
        connection.getresponse()
    connection.close()


def test_waiting_for_what_does_not_happen_ends() -> None:
    with TargetServer() as server, pytest.raises(TimeoutError, match="0 connections open, 0 requests"):
        server.wait_until(lambda: server.accepted > 0, seconds=0.01)


def test_certificates_convince_whom_they_should() -> None:
    authority = Authority()
    with TargetServer(tls=authority.good()) as server:
        connection = http.client.HTTPSConnection("localhost", server.port, timeout=20, context=authority.trust())
        assert _post(connection, "/ok") == (200, b"{}")
        connection.close()
    for bad in (authority.expired(), authority.of_another_host(), authority.self_signed()):
        with TargetServer(tls=bad) as server:
            connection = http.client.HTTPSConnection("localhost", server.port, timeout=20, context=authority.trust())
            with pytest.raises(ssl.SSLCertVerificationError):
                connection.connect()
            connection.close()

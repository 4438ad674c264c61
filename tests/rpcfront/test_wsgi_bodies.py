"""Where the WSGI face ends a request's body, if its server leaves that to it."""

import pytest

from rpcfront import Gateway
from tests.rpcfront.bare_sonora import call
from tests.rpcfront.listener import kinds


@pytest.mark.parametrize(
    ("method", "content_type"), [("One", "application/json"), ("Sum", "application/connect+json")], ids=str
)
@pytest.mark.parametrize("declared", ["x", "-1", "+2", "2,2"])
def test_a_length_that_is_no_number_is_an_error_and_no_empty_body(
    method: str, content_type: str, declared: str
) -> None:
    app = Gateway(services=[(kinds.service(), kinds.Iterators())]).wsgi
    reply = call(app, b"{}", PATH_INFO=kinds.path(method), CONTENT_TYPE=content_type, CONTENT_LENGTH=declared)
    assert b'{"code":"invalid_argument","message":"content-length must be digits"}' in reply.body

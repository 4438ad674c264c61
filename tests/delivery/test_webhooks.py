"""The headers of Standard Webhooks, against the specification's library, and its receiver as the page shows it."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from actiond.client.signature import header, webhook_headers, whsec
from actiond.secrets.sealing import new_signing_key
from tests.delivery.page import post, serving

KEY = "kQ1vHkTqB3m0yN4dYb2cV8sR5wXzA6uEeJ7fGgLhPiM"
OTHER_KEY = "0oV3nB7cM1xZ5lK9jH2gF6dS4aQ8wE0rT3yU7iP1oLk"
NOW = 1_767_225_600
BODY = '{"event_type":"target.added","ä":1}'.encode()
ID = "383286158563475456"


def now() -> int:
    return int(time.time())


def verified(key: str, body: bytes, headers: dict[str, str]) -> object:
    """What the library makes of a delivery. Raises WebhookVerificationError."""
    return Webhook(whsec(key)).verify(body, headers)


def test_the_key_has_the_form_that_the_libraries_take() -> None:
    assert whsec("abc") == "whsec_YWJj"
    prefix, _, encoded = whsec(KEY).partition("_")
    assert (prefix, base64.b64decode(encoded, validate=True)) == ("whsec", KEY.encode())


def test_a_keys_length_is_what_the_specification_asks_for() -> None:
    assert 24 <= len(new_signing_key().encode()) <= 64


# Made with: printf '%s' "$id.$t.$body" | openssl dgst -sha256 -hmac "$key" -binary | base64
def test_the_signature_is_what_openssl_makes() -> None:
    assert webhook_headers(ID, BODY, [KEY], NOW) == {
        "webhook-id": ID,
        "webhook-timestamp": "1767225600",
        "webhook-signature": "v1,8GCPnq530QelGwYn/QbgVdMBppGxritL8udrrDiyr7o=",
    }


@given(st.text("0123456789abcdef-_", min_size=1), st.binary(), st.text(min_size=1), st.integers(0, 10**12))
def test_a_signature_is_over_id_time_and_body(message_id: str, body: bytes, key: str, at: int) -> None:
    signed = message_id.encode() + b"." + str(at).encode() + b"." + body
    digest = hmac.new(key.encode(), signed, hashlib.sha256).digest()
    headers = webhook_headers(message_id, body, [key], at)
    assert headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"


@given(st.dictionaries(st.text(), st.integers()), st.text(min_size=1))
def test_the_library_verifies_what_is_signed_here(payload: dict[str, int], key: str) -> None:
    body = json.dumps(payload, ensure_ascii=False).encode()
    assert verified(key, body, webhook_headers(ID, body, [key], now())) == payload


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_while_keys_are_rotated_the_library_verifies_with_either(key: str) -> None:
    headers = webhook_headers(ID, BODY, [KEY, OTHER_KEY], now())
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert verified(key, BODY, headers) == json.loads(BODY)


@pytest.mark.parametrize("at", range(len(BODY)))
def test_a_body_with_one_other_byte_is_refused(at: int) -> None:
    headers = webhook_headers(ID, BODY, [KEY, OTHER_KEY], now())
    other = bytearray(BODY)
    other[at] ^= 1
    with pytest.raises(WebhookVerificationError):
        verified(KEY, bytes(other), headers)


@pytest.mark.parametrize("message_id", ["", ID[:-1], ID + "0", ID.replace("3", "4", 1), f"{ID}.{NOW}"])
def test_another_id_is_refused(message_id: str) -> None:
    headers = webhook_headers(ID, BODY, [KEY], now()) | {"webhook-id": message_id}
    with pytest.raises(WebhookVerificationError):
        verified(KEY, BODY, headers)


def test_another_time_is_refused() -> None:
    headers = webhook_headers(ID, BODY, [KEY], now())
    headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        verified(KEY, BODY, headers)


def test_an_old_delivery_is_refused() -> None:
    with pytest.raises(WebhookVerificationError):
        verified(KEY, BODY, webhook_headers(ID, BODY, [KEY], NOW))


def test_another_key_is_refused() -> None:
    with pytest.raises(WebhookVerificationError):
        verified(OTHER_KEY, BODY, webhook_headers(ID, BODY, [KEY], now()))


def test_a_signature_of_one_kind_is_not_one_of_the_other() -> None:
    headers = webhook_headers(ID, BODY, [KEY], now())
    ours = header(BODY, [KEY], now()).partition("v1=")[2]
    headers["webhook-signature"] = f"v1,{base64.b64encode(bytes.fromhex(ours)).decode()}"
    with pytest.raises(WebhookVerificationError):
        verified(KEY, BODY, headers)


EVENT = b'{"aggregateID":"42","sequence":2,"event_type":"target.changed"}'


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The receiver of deliveries that the page shows, serving; its URL."""
    monkeypatch.setenv("WEBHOOK_SECRET", whsec(KEY))
    with serving("EventReceiver") as url:
        yield url


def test_the_pages_receiver_takes_each_delivery_once(receiver: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Each attempt is signed anew.
    for message_id, at in (("1", now() - 5), ("1", now()), ("2", now()), ("1", now())):
        headers = webhook_headers(message_id, EVENT, [OTHER_KEY, KEY], at)
        assert post(receiver, EVENT, headers) == (204, b"")
    assert capsys.readouterr().out == "target.changed 42\n" * 2


REFUSED: dict[str, Callable[[], dict[str, str]]] = {
    "not signed": dict,
    "by another key": lambda: webhook_headers(ID, EVENT, [OTHER_KEY], now()),
    "another body": lambda: webhook_headers(ID, EVENT + b" ", [KEY], now()),
    "old": lambda: webhook_headers(ID, EVENT, [KEY], NOW),
    "another id": lambda: webhook_headers(ID, EVENT, [KEY], now()) | {"webhook-id": "1"},
    "malformed": lambda: webhook_headers(ID, EVENT, [KEY], now()) | {"webhook-signature": "v1"},
    "malformed base64": lambda: webhook_headers(ID, EVENT, [KEY], now()) | {"webhook-signature": "v1,a"},
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_pages_receiver_refuses_what_is_not_proven(
    case: str, receiver: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert post(receiver, EVENT, REFUSED[case]()) == (401, b"")
    assert capsys.readouterr().out == ""

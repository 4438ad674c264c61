"""Names in certificates: how operators write them, and when two are the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actiond.actions.certificates import MAX_NAME, canonical_name, parse_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dns:worker.example", "dns:worker.example"),
        ("DNS:Worker.Example.", "dns:worker.example"),
        ("dns:worker", "dns:worker"),
        ("dns:_service.worker-1.example", "dns:_service.worker-1.example"),
        ("uri:spiffe://example/Worker", "uri:spiffe://example/Worker"),
        ("uri:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "uri:urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        ("email:Worker@Example.com", "email:Worker@example.com"),
        ("ip:192.0.2.1", "ip:192.0.2.1"),
        ("ip:2001:DB8:0::1", "ip:2001:db8::1"),
    ],
)
def test_a_name_is_compared_in_one_form(text: str, name: str) -> None:
    assert parse_name(text) == name
    assert parse_name(name) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "worker.example", "dns:", "dns", "cn:worker", "dns:*.example", "dns:a..b", "dns:.", "dns:-a", "dns:a-"),
        *("dns:a b", "dns:a\n", "dns:ä.example", "dns:" + "a." * 128, "uri:worker", "uri:spiffe://a b", "uri:x:"),
        *("uri:spiffe://ä", "email:worker", "email:@example.com", "email:a@b@c", "email:a@", "ip:192.0.2", "ip:"),
        *("ip:192.0.2.0/24", "ip:fe80::1%eth0", f"uri:x:{'a' * MAX_NAME}"),
    ],
)
def test_what_is_no_name_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as refused:
        parse_name(text)
    assert len(str(refused.value).splitlines()) == 1


def test_a_wildcard_is_refused_as_one() -> None:
    with pytest.raises(ValueError, match=r"^'dns:\*\.example' has a wildcard: a token is bound to one name$"):
        parse_name("dns:*.example")


def test_an_address_in_a_certificate_that_is_none_has_no_name() -> None:
    with pytest.raises(ValueError, match="appear"):
        canonical_name("ip", "192.0.2.1/24")


@given(st.sampled_from(["dns:", "uri:", "email:", "ip:", ""]), st.text())
def test_a_name_that_is_accepted_is_stable_and_fits_on_a_line(kind: str, value: str) -> None:
    try:
        name = parse_name(kind + value)
    except ValueError:
        return
    assert parse_name(name) == name
    assert name.isascii()
    assert name.isprintable()
    assert " " not in name

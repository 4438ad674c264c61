"""Whose a call is: verified claims first, then the client's certificate, then a header that the operator believes."""

from typing import Any

import pytest
from actiond_protos.actiond.ext_proc.v1.ext_proc_pb2 import ProcessingRequest

from actiond.api.ext_proc.identity import CERTIFICATE_ATTRIBUTES, Identity, IdentityRules

URI, DNS, SUBJECT = CERTIFICATE_ATTRIBUTES


def first(tokens: dict[str, Any] | None = None, attributes: dict[str, str] | None = None) -> ProcessingRequest:
    """Return a first message with the claims of tokens, by the names of their payloads, and with attributes."""
    message = ProcessingRequest()
    if tokens is not None:
        message.metadata_context.filter_metadata["envoy.filters.http.jwt_authn"].update(tokens)
    if attributes is not None:
        message.attributes["envoy.filters.http.ext_proc"].update(attributes)
    return message


NESTED = {"realm": {"user": "u-nested"}, "urn:zitadel:org/id": "o-1", "roles": ["a"], "number": 5, "empty": ""}


@pytest.mark.parametrize(
    ("message", "rules", "headers", "identity"),
    [
        (first(), IdentityRules(), {}, Identity()),
        (first({}), IdentityRules(), {}, Identity()),
        (first({"token": {"sub": "u-1"}}), IdentityRules(), {}, Identity("u-1")),
        (first({"token": {"sub": "u-1", "org": "o-1"}}), IdentityRules(org_claim="org"), {}, Identity("u-1", "o-1")),
        (first({"token": NESTED}), IdentityRules("realm/user", "urn:zitadel:org/id"), {}, Identity("u-nested", "o-1")),
        (first({"token": NESTED}), IdentityRules("realm/user/deeper", "roles"), {}, Identity()),
        (first({"token": NESTED}), IdentityRules("number", "empty"), {}, Identity()),
        (first({"a": {"sub": "u-1"}, "b": {"sub": "u-1"}}), IdentityRules(), {}, Identity("u-1")),
        (first({"a": {"sub": "u-1"}, "b": {"sub": "u-2"}}), IdentityRules(), {}, Identity()),
        (first({"a": {"sub": "u-1"}, "b": {}}), IdentityRules(), {}, Identity("u-1")),
        (first({"token": "text"}), IdentityRules(), {}, Identity()),
        (first({"token": {"sub": "u-1"}}), IdentityRules(user_claim=""), {}, Identity()),
        (first(None, {URI: "spiffe://a", DNS: "a.example"}), IdentityRules(), {}, Identity("spiffe://a")),
        (first(None, {URI: "", SUBJECT: "CN=a"}), IdentityRules(), {}, Identity("CN=a")),
        (first({"token": {"sub": "u-1"}}, {URI: "spiffe://a"}), IdentityRules(), {}, Identity("u-1")),
        (first(), IdentityRules(user_header="x-user"), {"x-user": "u-9"}, Identity("u-9")),
        (first(), IdentityRules(), {"x-user": "u-9", "": "u-8"}, Identity()),
        (first({"token": {"sub": "u-1"}}), IdentityRules(user_header="x-user"), {"x-user": "u-9"}, Identity("u-1")),
    ],
)
def test_the_identity(
    message: ProcessingRequest, rules: IdentityRules, headers: dict[str, str], identity: Identity
) -> None:
    assert rules.identity(message, headers) == identity

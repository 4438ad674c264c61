"""Targets and their keys, from their creation to their end, as programs manage them with ZITADEL's SDKs."""

from base64 import b64decode, b64encode
from datetime import datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.real_clients.sdk.sdks import WITH_PUBLIC_KEYS, Api, JsonObject, SdkError

ENDPOINT = "https://example.com/hook"
TYPES: dict[str, JsonObject] = {
    "webhook": {"restWebhook": {"interruptOnError": True}},
    "webhook that may fail": {"restWebhook": {}},
    "call": {"restCall": {"interruptOnError": True}},
    "async": {"restAsync": {}},
}


def create(api: Api, name: str, **fields: object) -> JsonObject:
    given = {"name": name, "timeout": "10s", "endpoint": ENDPOINT, **(fields or TYPES["call"])}
    return api.call("CreateTarget", given)


def get(api: Api, target_id: str) -> JsonObject:
    target: JsonObject = api.call("GetTarget", {"id": target_id})["target"]
    return target


def names(api: Api, *filters: JsonObject, **request: object) -> list[str]:
    return [target["name"] for target in search(api, *filters, **request).get("targets", [])]


def search(api: Api, *filters: JsonObject, **request: object) -> JsonObject:
    return api.call("ListTargets", {"filters": list(filters), **request})


def named(start: str, method: str = "STARTS_WITH") -> JsonObject:
    return {"targetNameFilter": {"targetName": start, "method": f"TEXT_FILTER_METHOD_{method}"}}


def time_of(date: str) -> datetime:
    return datetime.fromisoformat(date)


@pytest.mark.parametrize("kind", TYPES)
def test_a_target_is_read_as_it_was_created(api: Api, unique: str, kind: str) -> None:
    created = create(api, unique, **TYPES[kind])
    target = get(api, created["id"])
    assert target["id"] == created["id"]
    assert {name: value for name, value in target.items() if name.startswith("rest")} == TYPES[kind]
    assert (target["name"], target["timeout"], target["endpoint"]) == (unique, "10s", ENDPOINT)
    assert target["signingKey"] == created["signingKey"]
    assert target["creationDate"] == target["changeDate"] == created["creationDate"]


def test_a_change_leaves_what_it_does_not_name(api: Api, unique: str) -> None:
    target_id = create(api, unique)["id"]
    before = get(api, target_id)
    changed = api.call("UpdateTarget", {"id": target_id, "name": f"{unique} renamed", "restWebhook": {}})
    after = get(api, target_id)
    assert (after["name"], after["restWebhook"], after.get("restCall")) == (f"{unique} renamed", {}, None)
    assert after["changeDate"] == changed["changeDate"]
    assert not changed.get("signingKey")
    for field in ("timeout", "endpoint", "signingKey", "creationDate"):
        assert after[field] == before[field]


def test_a_timeout_and_an_endpoint_are_changed(api: Api, unique: str) -> None:
    target_id = create(api, unique)["id"]
    api.call("UpdateTarget", {"id": target_id, "timeout": "1.5s", "endpoint": f"{ENDPOINT}/other"})
    after = get(api, target_id)
    assert float(after["timeout"].removesuffix("s")) == 1.5
    assert after["endpoint"] == f"{ENDPOINT}/other"


def test_a_signing_key_is_rotated(api: Api, unique: str) -> None:
    created = create(api, unique)
    rotated = api.call("UpdateTarget", {"id": created["id"], "expirationSigningKey": "0s"})
    assert rotated["signingKey"] not in ("", created["signingKey"])
    assert get(api, created["id"])["signingKey"] == rotated["signingKey"]


def test_a_deleted_target_is_gone_and_deleting_it_again_tells_the_same_date(api: Api, unique: str) -> None:
    target_id = create(api, unique)["id"]
    first, second = (api.call("DeleteTarget", {"id": target_id}) for _ in range(2))
    assert first["deletionDate"] == second["deletionDate"]
    assert names(api, named(unique)) == []
    with pytest.raises(SdkError):
        get(api, target_id)


def test_deleting_a_target_that_never_was_tells_no_date(api: Api) -> None:
    assert not api.call("DeleteTarget", {"id": "1"}).get("deletionDate")


@pytest.mark.parametrize(
    ("method", "part", "found"),
    [
        ("EQUALS", "{} Ab", ["{} Ab"]),
        ("EQUALS_IGNORE_CASE", "{} aB", ["{} Ab"]),
        ("STARTS_WITH", "{} A", ["{} Ab"]),
        ("STARTS_WITH_IGNORE_CASE", "{} a", ["{} Ab", "{} ac"]),
        ("CONTAINS", "{} a", ["{} ac"]),
        ("ENDS_WITH", "{} ac", ["{} ac"]),
    ],
)
def test_targets_are_found_by_their_names(api: Api, unique: str, method: str, part: str, found: list[str]) -> None:
    for name in ("Ab", "ac"):
        create(api, f"{unique} {name}")
    assert set(names(api, named(part.format(unique), method))) == {name.format(unique) for name in found}


def test_filters_are_joined_by_and(api: Api, unique: str) -> None:
    first, second = (create(api, f"{unique} {name}")["id"] for name in "ab")
    by_ids = {"inTargetIdsFilter": {"targetIds": [first, second]}}
    assert set(names(api, by_ids)) == {f"{unique} a", f"{unique} b"}
    assert names(api, by_ids, named(f"{unique} b")) == [f"{unique} b"]


@pytest.mark.parametrize("ascending", [True, False])
def test_targets_are_listed_by_name_page_after_page(api: Api, unique: str, ascending: bool) -> None:
    expected = [f"{unique} {name}" for name in "abcde"]
    for name in expected[::2] + expected[1::2]:
        create(api, name)
    listed = []
    for offset in range(0, 6, 2):
        pagination = {"offset": offset, "limit": 2, "asc": ascending}
        page = search(api, named(unique), pagination=pagination, sortingColumn="TARGET_FIELD_NAME_NAME")
        assert int(page["pagination"]["totalResult"]) == 5
        assert int(page["pagination"]["appliedLimit"]) == 2
        listed += [target["name"] for target in page["targets"]]
    assert listed == (expected if ascending else expected[::-1])


of_those_with_public_keys = pytest.mark.parametrize("api", WITH_PUBLIC_KEYS, indirect=True, ids=" ".join)


@of_those_with_public_keys
@pytest.mark.parametrize("kind", ["JSON", "JWT", "JWE"])
def test_a_payload_type_is_set_and_changed(api: Api, unique: str, kind: str) -> None:
    target_id = create(api, unique, payloadType="PAYLOAD_TYPE_JSON", restCall={})["id"]
    api.call("UpdateTarget", {"id": target_id, "payloadType": f"PAYLOAD_TYPE_{kind}"})
    assert get(api, target_id)["payloadType"] == f"PAYLOAD_TYPE_{kind}"


def public_key() -> str:
    pem = generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(pem).decode()


def keys(api: Api, target_id: str, *filters: JsonObject) -> list[JsonObject]:
    listed = api.call("ListPublicKeys", {"targetId": target_id, "filters": list(filters)})
    found: list[JsonObject] = listed.get("publicKeys", [])
    return found


@of_those_with_public_keys
def test_a_public_key_lives_from_its_addition_to_its_removal(api: Api, unique: str) -> None:
    target_id = create(api, unique)["id"]
    pem = public_key()
    added = api.call("AddPublicKey", {"targetId": target_id, "publicKey": pem})
    key = {"targetId": target_id, "keyId": added["keyId"]}

    [listed] = keys(api, target_id)
    assert (listed["keyId"], listed["creationDate"]) == (added["keyId"], added["creationDate"])
    assert b64decode(listed["publicKey"]) == b64decode(pem)
    assert listed["fingerprint"].startswith("SHA256:")
    assert not listed.get("active")

    activated = api.call("ActivatePublicKey", key)
    [listed] = keys(api, target_id, {"activeFilter": True})
    assert (listed["active"], listed["changeDate"]) == (True, activated["changeDate"])

    api.call("DeactivatePublicKey", key)
    assert keys(api, target_id, {"activeFilter": True}) == []

    assert api.call("RemovePublicKey", key)["deletionDate"]
    assert keys(api, target_id) == []


@of_those_with_public_keys
def test_activating_a_public_key_deactivates_the_other(api: Api, unique: str) -> None:
    target_id = create(api, unique)["id"]
    added = [api.call("AddPublicKey", {"targetId": target_id, "publicKey": public_key()})["keyId"] for _ in range(2)]
    for key_id in added:
        api.call("ActivatePublicKey", {"targetId": target_id, "keyId": key_id})
        assert [key["keyId"] for key in keys(api, target_id) if key.get("active")] == [key_id]
    assert [key["keyId"] for key in keys(api, target_id, {"keyIdsFilter": {"ids": added[:1]}})] == added[:1]


@of_those_with_public_keys
def test_a_public_key_tells_when_it_expires(api: Api, unique: str) -> None:
    target_id = create(api, unique)["id"]
    date = "2099-01-02T03:04:05Z"
    api.call("AddPublicKey", {"targetId": target_id, "publicKey": public_key(), "expirationDate": date})
    [listed] = keys(api, target_id)
    assert time_of(listed["expirationDate"]) == time_of(date)

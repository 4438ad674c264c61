"""Targets that get tokens: what becomes of calls and deliveries while one has no public key that it needs."""

import base64
import json
from itertools import count
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.executions.api import Api, Created, condition, target
from tests.support.clients.json_api import JsonApi
from tests.support.servers.actiond import ServerProcess
from tests.support.targets.server import TargetServer
from tests.support.waiting import until

PEM = ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
_names = count(1)


def json_api(server: ServerProcess, api: Api) -> JsonApi:
    return JsonApi(lambda: server.http_port, api.token, bypasses=True)


def create(client: JsonApi, endpoint: str, *, interrupts: bool = True) -> Created:
    """A target that gets encrypted tokens, and has no public key yet."""
    made = client.call(
        "POST",
        "/v2/actions/targets",
        {
            "name": f"encrypted {next(_names)}",
            "restWebhook": {"interruptOnError": interrupts},
            "timeout": "60s",
            "endpoint": endpoint,
            "payloadType": "PAYLOAD_TYPE_JWE",
        },
    )
    return Created(made["id"], made["signingKey"])


def activate_key(client: JsonApi, created: Created) -> None:
    keys = f"/v2/actions/targets/{created.id}/publickeys"
    added = client.call("POST", keys, {"publicKey": base64.b64encode(PEM).decode()})
    client.call("POST", f"{keys}/{added['keyId']}/activate")


def outcomes(server: ServerProcess, created: Created) -> list[str]:
    """What the log says of the calls to the target, in words of the log."""
    lines = [line for line in server.stderr.splitlines() if f"target={created.id}" in line]
    return [word for line in lines for word in line.split() if word.startswith(("outcome=", "error="))]


async def test_a_call_ends_with_an_error_of_its_own_where_the_target_interrupts(
    server: ServerProcess, each_api: Api, receiver: TargetServer
) -> None:
    client = json_api(server, each_api)
    created = create(client, receiver.url("/ok"))
    await each_api.set(condition("request"), created)
    answer = await each_api.call(target("new"))
    assert (answer.code, answer.status.message) == (13, "Target has no active public key (EXEC-2n8fhs7g)")
    assert receiver.paths() == []
    until(lambda: outcomes(server, created) == ["outcome=failed", "error=no_public_key"], "the log has the call")
    activate_key(client, created)
    assert (await each_api.call(target("new"))).code == 0
    assert receiver.paths() == ["/ok"]


async def test_a_call_goes_on_where_the_target_does_not_interrupt(
    server: ServerProcess, any_api: Api, receiver: TargetServer
) -> None:
    created = create(json_api(server, any_api), receiver.url("/ok"), interrupts=False)
    await any_api.set(condition("request"), created)
    assert (await any_api.call(target("new"))).code == 0
    assert receiver.paths() == []
    until(lambda: outcomes(server, created) == ["outcome=ignored", "error=no_public_key"], "the log has the call")


def test_an_event_is_delivered_once_a_key_is_active(server: ServerProcess, api: Api, receiver: TargetServer) -> None:
    client = json_api(server, api)
    created = create(client, receiver.url("/ok"))
    client.set_execution({"event": {"event": "target.added"}}, created.id)
    client.create_target()
    listed = f"/v1/deliveries?filter.targetId={created.id}"

    def attempts() -> list[Any]:
        (row,) = client.call("GET", listed)["deliveries"]
        found: list[Any] = client.call("GET", f"/v1/deliveries/{row['deliveryId']}").get("attempts", [])
        return found

    until(lambda: [one["outcome"] for one in attempts()] == ["no_public_key"], "the first attempt ends")
    activate_key(client, created)
    receiver.wait_until(lambda: receiver.paths() == ["/ok"])
    (received,) = receiver.requests
    header = json.loads(base64.urlsafe_b64decode(received.body.split(b".")[0] + b"=="))
    assert header["enc"] == "A256GCM"


@pytest.mark.parametrize("has_key", [False, True])
def test_a_dry_run_names_a_missing_public_key(
    server: ServerProcess, api: Api, receiver: TargetServer, has_key: bool
) -> None:
    client = json_api(server, api)
    created = create(client, receiver.url("/ok"))
    client.set_execution({"function": {"name": "price"}}, created.id)
    if has_key:
        activate_key(client, created)
    (step,) = client.call("POST", "/v1/executions:dryRun", {"function": {"function": "price"}})["steps"]
    kinds = [(one["kind"], one["text"]) for one in step.get("obstacles", [])]
    assert kinds == ([] if has_key else [("KIND_PUBLIC_KEY_MISSING", "it has no active public key")])

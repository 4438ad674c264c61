"""Clients that others' generators make from the OpenAPI document, compiled, and called against the server.

The documents are actiond's own, and that of kinds.proto, served below a mount.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from rpcfront import Gateway, Info
from tests.real_clients.generators import GENERATORS, install_python_requirements
from tests.real_clients.kinds import EVERY, RULED, Kinds, service
from tests.support.clients.browser import UnavailableError
from tests.support.servers.actiond import ADMIN_TOKEN, ServerProcess
from tests.support.servers.faces import asgi_server
from tests.support.servers.mounts import Mounted

pytestmark = pytest.mark.slow

MOUNT = "/deep/api"
DOCUMENTS = ("actiond", "kinds")
PYTHON = ("openapi-python-client", "openapi-generator python")

CREATES_AND_READS = {
    "openapi-python-client": """
from generated import AuthenticatedClient
from generated.api.zitadel_action_v_3_alpha_action_service import (
    zitadel_action_v_3_alpha_action_service_create_target as create,
    zitadel_action_v_3_alpha_action_service_get_target_by_id as get,
    zitadel_action_v_3_alpha_action_service_list_targets as search,
)
from generated.models import (
    ZitadelActionV3AlphaCreateTargetRequest as Request,
    ZitadelActionV3AlphaListTargetsRequest as Search,
    ZitadelActionV3AlphaSetRESTCallInput as RestCall,
    ZitadelObjectV2ListQuery as Query,
)

client = AuthenticatedClient(base_url=base, token=token)
made = create.sync(
    client=client,
    body=Request(name=name, rest_call=RestCall(interrupt_on_error=True), timeout="1.500s", endpoint=endpoint),
)
target = get.sync(made.id, client=client).target
found = search.sync(client=client, body=Search(query=Query(limit=1)))
failure = get.sync("1", client=client)
details = [detail.additional_properties for detail in failure.details]
""",
    "openapi-generator python": """
from generated import ApiClient, Configuration, ZitadelActionV3alphaActionServiceApi
from generated.exceptions import NotFoundException
from generated.models import (
    Uint32Input,
    ZitadelActionV3alphaCreateTargetRequest as Request,
    ZitadelActionV3alphaListTargetsRequest as Search,
    ZitadelActionV3alphaSetRESTCallInput as RestCall,
    ZitadelObjectV2ListQuery as Query,
)

api = ZitadelActionV3alphaActionServiceApi(ApiClient(Configuration(host=base, access_token=token)))
made = api.zitadel_action_v3alpha_action_service_create_target(
    Request(name=name, rest_call=RestCall(interrupt_on_error=True), timeout="1.500s", endpoint=endpoint)
)
target = api.zitadel_action_v3alpha_action_service_get_target_by_id(made.id).target
found = api.zitadel_action_v3alpha_action_service_list_targets(Search(query=Query(limit=Uint32Input(1))))
try:
    api.zitadel_action_v3alpha_action_service_get_target_by_id("1")
except NotFoundException as error:
    failure = error.data
details = [detail.additional_properties for detail in failure.details]
""",
}
IN_V2 = {
    "openapi-python-client": """
from generated import AuthenticatedClient
from generated.api.zitadel_action_v_2_action_service import (
    zitadel_action_v_2_action_service_create_target as create,
    zitadel_action_v_2_action_service_get_target as get,
    zitadel_action_v_2_action_service_list_targets as search,
)
from generated.models import (
    ZitadelActionV2CreateTargetRequest as Request,
    ZitadelActionV2ListTargetsRequest as Search,
    ZitadelActionV2RESTCallInput as RestCall,
    ZitadelFilterV2PaginationRequest as Pagination,
)

client = AuthenticatedClient(base_url=base, token=token)
made = create.sync(
    client=client,
    body=Request(name=name, rest_call=RestCall(interrupt_on_error=True), timeout="1.500s", endpoint=endpoint),
)
target = get.sync(made.id, client=client).target
found = search.sync(client=client, body=Search(pagination=Pagination(limit=1)))
failure = get.sync("1", client=client)
details = [detail.additional_properties for detail in failure.details]
""",
    "openapi-generator python": """
from generated import ApiClient, Configuration, ZitadelActionV2ActionServiceApi
from generated.exceptions import NotFoundException
from generated.models import (
    Uint32Input,
    ZitadelActionV2CreateTargetRequest as Request,
    ZitadelActionV2ListTargetsRequest as Search,
    ZitadelActionV2RESTCallInput as RestCall,
    ZitadelFilterV2PaginationRequest as Pagination,
)

api = ZitadelActionV2ActionServiceApi(ApiClient(Configuration(host=base, access_token=token)))
made = api.zitadel_action_v2_action_service_create_target(
    Request(name=name, rest_call=RestCall(interrupt_on_error=True), timeout="1.500s", endpoint=endpoint)
)
target = api.zitadel_action_v2_action_service_get_target(made.id).target
found = api.zitadel_action_v2_action_service_list_targets(Search(pagination=Pagination(limit=Uint32Input(1))))
try:
    api.zitadel_action_v2_action_service_get_target("1")
except NotFoundException as error:
    failure = error.data
details = [detail.additional_properties for detail in failure.details]
""",
}
TOLD_IN_V2 = """
told = {
    "id": [made.id, target.id, found.targets[0].id],
    "target": [target.name, target.rest_call.interrupt_on_error, target.timeout, target.endpoint],
    "failure": [failure.code, failure.message, details],
    "keys": [made.signing_key, target.signing_key],
}
"""
TOLD = """
told = {
    "id": [made.id, target.target_id, found.result[0].target_id],
    "target": [target.name, target.rest_call.interrupt_on_error, target.timeout, target.endpoint],
    "failure": [failure.code, failure.message, details],
}
"""
SENDS_EVERY_KIND = {
    "openapi-python-client": """
from generated import Client
from generated.api.kinds_v_1_kinds import (
    kinds_v_1_kinds_check as check,
    kinds_v_1_kinds_echo as echo,
    kinds_v_1_kinds_echo_2 as get_echo,
    kinds_v_1_kinds_named as get_rest,
    kinds_v_1_kinds_named_2 as get_one,
    kinds_v_1_kinds_named_4 as put_shared,
)
from generated.models import KindsV1EveryInput, KindsV1KindsNamed4Body, KindsV1RuledInput
from generated.models import KindsV1ColorType0 as Color

client = Client(base_url=base)
told = {
    "every": echo.sync(client=client, body=KindsV1EveryInput.from_dict(every)),
    "ruled": check.sync(client=client, body=KindsV1RuledInput.from_dict(ruled)),
    "query": get_echo.sync(client=client, uint32=3_000_000_000, double=0.5, color=Color.RED, uint64s=[1, 2]),
    "rest": get_rest.sync("a", "b", client=client, id="c"),
    "one": get_one.sync("a", client=client, name="b"),
    "shared": put_shared.sync("a", client=client, body=KindsV1KindsNamed4Body(name="b")),
}
told = {name: message.to_dict() for name, message in told.items()}
""",
    "openapi-generator python": """
from generated import KindsV1KindsApi
from generated.models import KindsV1EveryInput, KindsV1KindsNamed4Request, KindsV1RuledInput

api = KindsV1KindsApi()
told = {
    "every": api.kinds_v1_kinds_echo(KindsV1EveryInput.from_dict(every)),
    "ruled": api.kinds_v1_kinds_check(KindsV1RuledInput.from_dict(ruled)),
    "query": api.kinds_v1_kinds_echo_2(uint32=3_000_000_000, double=0.5, color="RED", uint64s=[1, 2]),
    "rest": api.kinds_v1_kinds_named("a", "b", id="c"),
    "one": api.kinds_v1_kinds_named_2("a", name="b"),
    "shared": api.kinds_v1_kinds_named_4("a", KindsV1KindsNamed4Request(name="b")),
}
told = {name: json.loads(message.to_json()) for name, message in told.items()}
""",
}


@contextmanager
def serving_kinds() -> Iterator[str]:
    """Serve kinds.proto below a mount, in another thread; the address of its document."""
    gateway = Gateway([(service(), Kinds())], openapi=Info("Kinds", "1"))
    port: Future[int] = Future()
    stopped = asyncio.Event()

    async def serve() -> None:
        async with asgi_server(Mounted(gateway, MOUNT)) as taken:
            port.set_result(taken)
            await stopped.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield f"http://127.0.0.1:{port.result(30)}{MOUNT}/openapi.json"
    finally:
        loop.call_soon_threadsafe(stopped.set)
        thread.join(30)
        loop.close()


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The documents' addresses."""
    with (
        ServerProcess(tmp_path_factory.mktemp("server"), database="memory:") as server,
        serving_kinds() as kinds,
    ):
        yield {"actiond": f"{server.http_url}/openapi.json", "kinds": kinds}


class Clients:
    """Clients by their generator and document, each made when it is first asked for."""

    def __init__(self, documents: dict[str, str], directory: Path) -> None:
        self.documents = documents
        self.said: dict[tuple[str, str], str] = {}
        self._directory = directory

    def make(self, generator: str, document: str) -> Path:
        """Return the client's directory."""
        directory = self._directory / f"{document} {generator}".replace(" ", "-")
        if (generator, document) not in self.said:
            self.said[generator, document] = GENERATORS[generator].generate(self.documents[document], directory)
        return directory

    def python_path(self, generator: str, document: str) -> str:
        """Return the path on which a client in Python finds itself and what it needs."""
        needed = self._directory / "needed"
        if not needed.exists():
            install_python_requirements(needed)
        # openapi-python-client's clients need what itself does.
        paths = [self.make(generator, document), *([needed] if "generator" in generator else [])]
        return os.pathsep.join(map(str, paths))

    def call(self, generator: str, document: str, script: str, **given: Any) -> Any:
        """Run a script in Python with a client and some values; return what it has put into `told`."""
        url = self.documents[document]
        with urllib.request.urlopen(url) as response:  # noqa: S310  # our own server's
            servers = json.load(response).get("servers", [{"url": ""}])
        given["base"] = urljoin(url, servers[0]["url"] or "/").removesuffix("/")
        lines = ["import json", *(f"{name} = {value!r}" for name, value in given.items())]
        ended = subprocess.run(
            [sys.executable, "-c", "\n".join([*lines, script, "print(json.dumps(told))"])],
            env=os.environ | {"PYTHONPATH": self.python_path(generator, document)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)


@pytest.fixture(scope="module")
def clients(documents: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Clients:
    return Clients(documents, tmp_path_factory.mktemp("clients"))


@contextmanager
def available() -> Iterator[None]:
    """Skip where the machine lacks something, but not in CI."""
    try:
        yield
    except UnavailableError as lack:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI the generators must run: {lack}", pytrace=False)
        pytest.skip(f"the generator does not run here: {lack}")


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("generator", GENERATORS)
def test_a_client_compiles_and_has_every_operation(clients: Clients, generator: str, document: str) -> None:
    with available():
        directory = clients.make(generator, document)
        GENERATORS[generator].compile(directory)
    with urllib.request.urlopen(clients.documents[document]) as response:  # noqa: S310  # our own server's
        items = json.load(response)["paths"].values()
    operations = sum(not method.startswith("x-") for item in items for method in item)
    assert GENERATORS[generator].operations(directory) == operations
    assert "will not be generated" not in clients.said[generator, document]


@pytest.mark.parametrize("generator", PYTHON)
def test_a_client_creates_and_reads_a_target_and_gets_errors_as_objects(clients: Clients, generator: str) -> None:
    _is_made_and_read(clients, generator, CREATES_AND_READS[generator] + TOLD, name=generator)


@pytest.mark.parametrize("generator", PYTHON)
def test_a_client_does_the_same_in_the_stable_api(clients: Clients, generator: str) -> None:
    script = IN_V2[generator] + TOLD_IN_V2
    told = _is_made_and_read(clients, generator, script, name=f"{generator}, in v2")
    made, read = told["keys"]
    assert made == read != ""


def _is_made_and_read(clients: Clients, generator: str, script: str, name: str) -> Any:
    """Run the script, and return what it has told beside what is the same in every version."""
    endpoint = "https://example.com/hook"
    with available():
        told = clients.call(generator, "actiond", script, token=ADMIN_TOKEN, name=name, endpoint=endpoint)
    made, read, found = told["id"]
    assert made == read
    assert found.isdigit()
    assert told["target"] == [name, True, "1.500s", endpoint]
    code, message, details = told["failure"]
    assert (code, message) == (5, "Target not found (QUERY-hj5oaniyrz)")
    assert {"id": "QUERY-hj5oaniyrz", "message": "Target not found"} in details
    return told


@pytest.mark.parametrize("generator", PYTHON)
def test_a_client_sends_and_reads_every_kind_of_value_below_a_mount(clients: Clients, generator: str) -> None:
    with available():
        told = clients.call(generator, "kinds", SENDS_EVERY_KIND[generator], every=EVERY, ruled=RULED)
    assert {name: as_sent(message) for name, message in told.items()} == {
        "every": EVERY,
        "ruled": RULED,
        "query": {"uint32": 3_000_000_000, "double": 0.5, "color": "RED", "uint64s": ["1", "2"]},
        "rest": {"name": "a/b", "id": "c"},
        "one": {"id": "a", "name": "b"},
        "shared": {"id": "a", "name": "b"},
    }


def as_sent(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what the clients' own printing adds: null for a field without a value, and another UTC."""
    text = json.dumps({name: value for name, value in message.items() if value is not None})
    return json.loads(text.replace("+00:00", "Z"))  # type: ignore[no-any-return]  # an object

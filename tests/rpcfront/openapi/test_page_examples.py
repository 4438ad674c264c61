"""The examples of bodies that the docs page makes of a document, run by Node instead of a browser."""

import json
import os
import shutil
import subprocess
from importlib.resources import files
from typing import Any

import pytest

from tests.rpcfront.openapi.documented import document_of
from tests.support.protos import compile_proto

SCRIPT = """
const { document, name } = JSON.parse(require("fs").readFileSync(0));
console.log(JSON.stringify(new Schemas(new Api(document)).example({ $ref: `#/components/schemas/${name}` })));
"""


def example(messages: str) -> Any:
    """The example of the message M0."""
    node = shutil.which("node")
    if node is None:
        if os.environ.get("CI") == "true":
            pytest.fail("in CI Node must run", pytrace=False)
        pytest.skip("Node is not installed")
    source = f"""syntax = "proto3"; package p;
    import "google/api/annotations.proto"; import "google/protobuf/empty.proto";
    {messages}
    service S {{ rpc Do(M0) returns (google.protobuf.Empty) {{
      option (google.api.http) = {{ post: "/v1" body: "*" }}; }} }}"""
    given = {"document": document_of(compile_proto(source).FindServiceByName("p.S")), "name": "p.M0"}
    assets = files("rpcfront.openapi").joinpath("assets")
    script = "".join(assets.joinpath(name).read_text("utf-8") for name in ("text.js", "api.js", "schema.js")) + SCRIPT
    ended = subprocess.run(
        [node, "-e", script], input=json.dumps(given), capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(ended.stdout)


def fields_of(value: Any) -> int:
    return len(value) + sum(map(fields_of, value.values())) if isinstance(value, dict) else 0


def test_an_example_has_the_first_member_of_each_oneof() -> None:
    found = example(
        "message M0 { string s = 1; oneof o { string a = 2; int32 b = 3; } oneof p { bool c = 4; M0 d = 5; } }"
    )
    assert found == {"s": "", "a": "", "c": False}


def test_an_example_of_messages_that_all_contain_each_other_is_bounded() -> None:
    messages = " ".join(
        f"message M{i} {{ string s = 1; {' '.join(f'M{j} m{j} = {j + 2};' for j in range(12) if j != i)} }}"
        for i in range(12)
    )
    assert 200 < fields_of(example(messages)) <= 300

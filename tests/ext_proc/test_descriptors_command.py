"""`actiond descriptors`: one set with a service's types and those of our error details, each file once."""

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from actiond.api.errors import DETAIL_TYPES
from actiond.cli.main import main
from tests.support.protos import pool_of
from tests.support.proxied.shop import SERVICE


def test_the_set_has_the_service_and_all_types_of_errors(tmp_path: Path, shop_set: Path) -> None:
    output = tmp_path / "transcoder.binpb"
    assert main(["descriptors", str(output), "--descriptor-set", str(shop_set)]) == 0
    files = FileDescriptorSet.FromString(output.read_bytes()).file
    names = [file.name for file in files]
    assert len(names) == len(set(names))
    pool = pool_of(files)
    assert pool.FindServiceByName(SERVICE)
    for name in (*DETAIL_TYPES, "google.rpc.Status"):
        assert pool.FindMessageTypeByName(name)


def test_a_file_follows_those_that_it_imports(tmp_path: Path) -> None:
    output = tmp_path / "transcoder.binpb"
    assert main(["descriptors", str(output)]) == 0
    seen: set[str] = set()
    for file in FileDescriptorSet.FromString(output.read_bytes()).file:
        assert set(file.dependency) <= seen, file.name
        seen.add(file.name)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["out/of/nowhere.binpb"], "out/of/nowhere.binpb: No such file or directory"),
        (["out.binpb", "--descriptor-set", "nothing.binpb"], "nothing.binpb: No such file or directory"),
        (["out.binpb", "--descriptor-set", "text"], "text: not a descriptor set"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_line(
    arguments: list[str],
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("hello")
    assert main(["descriptors", *arguments]) == 1
    assert f"actiond: error: {text}" in capsys.readouterr().err
    assert not Path("out.binpb").exists()

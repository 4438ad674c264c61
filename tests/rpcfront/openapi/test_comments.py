"""Comments of proto files, out of a descriptor set that protoc has written."""

from pathlib import Path

import pytest
from grpc_tools import protoc

from rpcfront.openapi.comments import Comments, read_comments, summary

PROTO = """\
syntax = "proto3";
// Of the package: nobody's.
package c.v1;

// Detached.

// A thing.
//
//   Indented.
message Thing {
  // Its name.
  string name = 1;
  string id = 2; // Behind it.
  string bare = 3;
  // How it is.
  enum State {
    /* No word. */
    STATE_UNSPECIFIED = 0;
  }
  message Inner {
    // Deep.
    int32 depth = 1;
  }
  // What it may have.
  oneof choice {
    // The one.
    string one = 4;
  }
}
// A colour.
enum Color { COLOR_UNSPECIFIED = 0; }
// Keeps things.
service Things {
  // Answers one. NOT_FOUND
  // when there is none.
  rpc Get(Thing) returns (Thing);
  rpc Bare(Thing) returns (Thing);
}
"""


def descriptor_set(directory: Path, *flags: str) -> bytes:
    (directory / "c.proto").write_text(PROTO)
    out = directory / "c.binpb"
    assert protoc.main(["protoc", f"-I{directory}", *flags, f"--descriptor_set_out={out}", "c.proto"]) == 0
    return out.read_bytes()


@pytest.fixture
def comments(tmp_path: Path) -> Comments:
    return read_comments(descriptor_set(tmp_path, "--include_source_info"))


def test_a_comment_is_found_by_the_full_name_of_what_it_is_about(comments: Comments) -> None:
    assert comments == {
        "c.v1.Thing": "A thing.\n\n  Indented.",
        "c.v1.Thing.name": "Its name.",
        "c.v1.Thing.id": "Behind it.",
        "c.v1.Thing.State": "How it is.",
        "c.v1.Thing.State.STATE_UNSPECIFIED": "No word.",
        "c.v1.Thing.Inner.depth": "Deep.",
        "c.v1.Thing.one": "The one.",
        "c.v1.Color": "A colour.",
        "c.v1.Things": "Keeps things.",
        "c.v1.Things.Get": "Answers one. NOT_FOUND\nwhen there is none.",
    }


def test_without_source_information_there_are_none(tmp_path: Path) -> None:
    assert read_comments(descriptor_set(tmp_path)) == {}


@pytest.mark.parametrize(
    ("comment", "first"),
    [
        ("", ""),
        ("One.", "One"),
        ("One. Two.", "One"),
        ("Over\ntwo lines. And more.", "Over two lines"),
        ("No full stop\n\nAnother paragraph.", "No full stop"),
        ("Of version 1.2 only. More.", "Of version 1.2 only"),
        ("Really? Yes.", "Really?"),
    ],
)
def test_a_summary_is_the_first_sentence(comment: str, first: str) -> None:
    assert summary(comment) == first

"""The encryption keys: what a variable or a file may hold, and the file that the first start makes."""

import base64
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from actiond.secrets import encryption_keys, private_files
from actiond.secrets.encryption_keys import KeyFileError

ROOT = Path(__file__).parents[2]
OLD, NEW, FOREIGN = (bytes([number]) * 32 for number in (1, 2, 3))


def text(*keys: bytes, separator: str = "\n") -> str:
    return separator.join(base64.b64encode(key).decode() for key in keys)


DIGITS = bytes(range(248, 256)) * 4
"""In base64, it has digits that differ between the alphabets."""


@pytest.mark.parametrize(
    ("given_text", "keys"),
    [
        (text(NEW), (NEW,)),
        (text(NEW).rstrip("="), (NEW,)),
        (text(DIGITS), (DIGITS,)),
        (base64.urlsafe_b64encode(DIGITS).decode(), (DIGITS,)),
        (text(NEW, OLD), (NEW, OLD)),
        (text(NEW, OLD, separator=","), (NEW, OLD)),
        (text(NEW, OLD, separator=" , \r\n\t"), (NEW, OLD)),
        (f"\n{text(NEW)}\n", (NEW,)),
    ],
)
def test_keys_are_read_from_base64_in_their_order(given_text: str, keys: tuple[bytes, ...]) -> None:
    assert encryption_keys.parse(given_text) == keys


SECRET = "hunter2"
WRONG = [
    ("", "contains no key"),
    (" ,\n", "contains no key"),
    (SECRET, "key 1 of 1 is not 32 bytes in base64"),
    (text(NEW)[:-2] + SECRET, "key 1 of 1 is not 32 bytes"),
    (text(NEW[:31]), "key 1 of 1 is not 32 bytes"),
    (text(NEW + SECRET.encode()), "key 1 of 1 is not 32 bytes"),
    (text(NEW).replace("=", "=="), "key 1 of 1 is not 32 bytes"),
    (f"{text(NEW)} # {SECRET}", "key 2 of 3 is not 32 bytes"),
    (f"{text(NEW)}\0", "key 1 of 1 is not 32 bytes"),
    ("é" * 43, "key 1 of 1 is not 32 bytes"),
]


@pytest.mark.parametrize(("given_text", "reason"), WRONG)
def test_what_is_no_key_is_refused_and_not_repeated(given_text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        encryption_keys.parse(given_text)
    assert SECRET not in str(caught.value)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / encryption_keys.FILE


def put(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def entries(path: Path) -> list[str]:
    return [entry.name for entry in path.parent.iterdir()]


def test_the_first_start_makes_a_key_that_later_ones_find(path: Path) -> None:
    made = encryption_keys.load_or_create(path)
    assert [len(key) for key in made] == [32]
    assert encryption_keys.load_or_create(path) == encryption_keys.load(path) == made


def test_the_file_that_is_made_is_for_this_user_alone(path: Path) -> None:
    former = os.umask(0)
    try:
        encryption_keys.load_or_create(path)
    finally:
        os.umask(former)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_nothing_is_left_beside_the_file(path: Path) -> None:
    encryption_keys.load_or_create(path)
    assert entries(path) == [path.name]


def test_the_file_holds_what_the_variable_would(path: Path) -> None:
    keys = encryption_keys.load_or_create(path)
    assert encryption_keys.parse(path.read_text()) == keys


def test_an_operators_keys_are_taken_in_their_order(path: Path) -> None:
    put(path, text(NEW, OLD).encode(), 0o400)
    assert encryption_keys.load_or_create(path) == (NEW, OLD)


def test_a_link_to_the_file_is_followed(path: Path) -> None:
    put(path.with_name("elsewhere"), text(NEW).encode())
    path.symlink_to("elsewhere")
    assert encryption_keys.load_or_create(path) == (NEW,)


def test_processes_that_start_at_once_agree_on_one_key(path: Path) -> None:
    program = (
        "import sys, pathlib; from actiond.secrets.encryption_keys import load_or_create;"
        "print('ready', flush=True); sys.stdin.readline();"
        "print(load_or_create(pathlib.Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", program, str(path)]
    processes = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = {process.communicate()[0] for process in processes}
    assert answers == {f"{encryption_keys.load(path)}\n"}
    assert entries(path) == [path.name]


def test_a_process_that_loses_the_race_takes_the_others_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def another_is_first(path: Path, content: str) -> None:
        put(path, text(FOREIGN).encode())
        write_first(path, content)

    write_first = private_files.write_first
    monkeypatch.setattr(private_files, "write_first", another_is_first)
    assert encryption_keys.load_or_create(path) == (FOREIGN,)
    assert entries(path) == [path.name]


def complaint(path: Path, load: Callable[[Path], object] = encryption_keys.load_or_create) -> str:
    with pytest.raises(KeyFileError) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert SECRET not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o666])
def test_a_file_that_other_users_may_open_is_refused(path: Path, mode: int) -> None:
    put(path, text(NEW).encode(), mode)
    said = f"{path}: mode {mode:04o} gives other users access to the encryption key: chmod 600 it"
    assert complaint(path) == said


@pytest.mark.parametrize(("content", "reason"), [(content.encode(), reason) for content, reason in WRONG])
def test_a_file_without_keys_is_refused_by_name_and_left_alone(path: Path, content: bytes, reason: str) -> None:
    put(path, content)
    assert complaint(path).startswith(f"{path}: {reason}")
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [NEW, b"\xff" * 44, text(NEW).encode("utf-16")])
def test_a_file_of_bytes_is_refused(path: Path, content: bytes) -> None:
    put(path, content)
    assert complaint(path).startswith(f"{path}: ")


def test_a_file_of_any_size_is_not_read_to_its_end(path: Path) -> None:
    put(path, b"")
    os.truncate(path, 2**30)
    assert complaint(path) == f"{path}: too long for a key file"


def test_a_directory_or_a_pipe_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    assert complaint(path) == f"{path}: not a file"
    path.rmdir()
    os.mkfifo(path, 0o600)
    assert complaint(path) == f"{path}: not a file"


def test_a_link_to_nothing_is_refused_and_nothing_is_made_behind_it(path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to("nothing")
    assert "cannot be read: No such file" in complaint(path)
    assert entries(path) == [path.name]


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / encryption_keys.FILE
    assert complaint(path) == (
        f"{path}: the encryption key cannot be written: Not a directory (or set ACTIOND_ENCRYPTION_KEY)"
    )


def test_a_key_that_is_half_written_is_never_seen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    path.parent.mkdir()
    monkeypatch.setattr(os, "fsync", fail)
    assert "cannot be written: No space left on device" in complaint(path)
    assert entries(path) == []


def test_the_setting_is_taken_before_the_file(path: Path) -> None:
    put(path, text(OLD).encode())
    assert encryption_keys.in_use((NEW,), path.parent, may_create=True) == (NEW,)


def test_without_a_setting_the_file_in_the_data_directory_is_taken(path: Path) -> None:
    made = encryption_keys.in_use(None, path.parent, may_create=True)
    assert encryption_keys.load(path) == made


def test_a_command_beside_a_server_makes_no_key(path: Path) -> None:
    assert "No such file" in complaint(path.parent, lambda it: encryption_keys.in_use(None, it, may_create=False))
    assert not path.parent.exists()


def test_without_a_data_directory_each_process_has_a_key_of_its_own() -> None:
    first, second = (encryption_keys.in_use(None, None, may_create=True) for _ in range(2))
    assert [len(key) for key in (*first, *second)] == [32, 32]
    assert first != second


def test_a_secret_file_takes_the_place_of_an_older_one_with_other_rights(path: Path) -> None:
    put(path, b"older", 0o644)
    private_files.replace(path, "newer\n")
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("newer\n", 0o600)
    assert entries(path) == [path.name]

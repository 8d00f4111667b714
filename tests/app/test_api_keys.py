"""The file of keys: what it may hold, when it is read again, and how a key is compared."""

from __future__ import annotations

import ast
import hashlib
import hmac
import inspect
import logging
import os
import textwrap
from pathlib import Path

import pytest

from app import api_keys
from app.api_keys import ApiKeys, BrokenKeysError, read
from tests.app.keys import KEY, OTHER, key_file, line


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(api_keys, "time", made)
    return made


def test_a_file_of_keys(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    digest = hashlib.sha256(b"key").hexdigest()
    path.write_bytes(f"# a comment\r\n\r\n  A.b-c_9\t {digest.upper()} \r\nA.b-c_9 {digest}".encode())
    assert read(path) == [("A.b-c_9", bytes.fromhex(digest))] * 2
    path.write_text("")
    assert read(path) == []


@pytest.mark.parametrize(
    "content",
    [
        b"secret",
        b"name secret",
        b"name " + b"0" * 63,
        b"name " + b"g" * 64,
        b"two names " + b"0" * 64,
        b"n\xc3\xa4me " + b"0" * 64,
        b"x" * 65 + b" " + b"0" * 64,
    ],
)
def test_a_line_that_is_none_is_named_and_not_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(b"# first\n" + content)
    with pytest.raises(BrokenKeysError, match=r"line 2 of '.*' must be a name and a SHA-256") as caught:
        read(path)
    assert content.decode() not in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for each in ("nowhere", "", "pipe"):
        with pytest.raises(BrokenKeysError, match="there is no file"):
            read(tmp_path / each)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(BrokenKeysError, match="can't be read"):
        read(tmp_path / "binary")
    (tmp_path / "link").symlink_to(key_file(tmp_path))
    assert len(read(tmp_path / "link")) == 2  # as orchestrators mount secrets


def test_a_key_has_a_name(tmp_path: Path) -> None:
    keys = ApiKeys(key_file(tmp_path))
    assert (keys.name_of(KEY.encode()), keys.name_of(OTHER.encode())) == ("tests", "another")
    for wrong in ("", "tests", KEY[:-1], f"{KEY} ", hashlib.sha256(KEY.encode()).hexdigest(), "\xff" * 100_000):
        assert keys.name_of(wrong.encode("latin-1")) is None


def test_a_change_is_seen_within_a_second_and_looked_for_once_in_it(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    path = key_file(tmp_path)
    keys = ApiKeys(path)
    looked: list[Path] = []
    signature = api_keys._signature

    def look(path: Path) -> tuple[int, ...] | None:
        looked.append(path)
        return signature(path)

    monkeypatch.setattr(api_keys, "_signature", look)
    path.write_text(line("new", "key"))
    for _ in range(100):
        clock.now += 0.0099
        keys.name_of(b"key")
    assert len(looked) == 1
    clock.now += 1
    assert keys.name_of(b"key") == "new"
    assert keys.name_of(KEY.encode()) is None
    assert len(looked) == 2


def test_a_file_put_in_its_place_is_seen_whatever_its_time(tmp_path: Path, clock: Clock) -> None:
    path = key_file(tmp_path)
    keys = ApiKeys(path)
    before = path.stat()
    swapped = tmp_path / "swapped"
    swapped.write_text(path.read_text().replace(line("tests", KEY), line("tests", "swapped")))
    os.utime(swapped, ns=(before.st_atime_ns, before.st_mtime_ns))
    swapped.rename(path)
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    clock.now += 1
    assert keys.name_of(b"swapped") == "tests"


def test_a_line_changed_in_its_place_is_seen(tmp_path: Path, clock: Clock) -> None:
    path = key_file(tmp_path)
    keys, before = ApiKeys(path), path.stat()
    path.write_text(path.read_text().replace(line("tests", KEY), line("tests", "changed")))
    assert (path.stat().st_size, path.stat().st_ino) == (before.st_size, before.st_ino)
    clock.now += 1
    assert (keys.name_of(b"changed"), keys.name_of(KEY.encode())) == ("tests", None)


@pytest.mark.parametrize("how", ["half a line", "removed"])
def test_while_it_is_broken_the_last_good_keys_hold_and_the_log_says_so_once(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    path = key_file(tmp_path)
    keys = ApiKeys(path)
    if how == "removed":
        path.unlink()
    else:
        path.write_text(f"{line('new', 'key')}{line('tests', KEY)[:-20]}")
    for _ in range(5):
        clock.now += 1
        assert keys.name_of(KEY.encode()) == "tests"
        assert keys.name_of(b"key") is None
    [record] = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.message == "the API keys can't be read; those read last stay"
    path.write_text(line("new", "key"))
    clock.now += 1
    assert (keys.name_of(b"key"), keys.name_of(KEY.encode())) == ("new", None)


def test_an_emptied_file_knows_no_key(tmp_path: Path, clock: Clock) -> None:
    """Taking out the last line is how the last key is revoked."""
    keys = ApiKeys(key_file(tmp_path))
    key_file(tmp_path).write_text("# none\n")
    clock.now += 1
    assert keys.name_of(KEY.encode()) is None


def test_a_worker_that_starts_while_it_is_broken_knows_no_key_until_it_is_mended(tmp_path: Path, clock: Clock) -> None:
    keys = ApiKeys(tmp_path / "keys.txt")
    assert keys.name_of(KEY.encode()) is None
    key_file(tmp_path)
    clock.now += 1
    assert keys.name_of(KEY.encode()) == "tests"


def test_every_key_is_compared_in_constant_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By structure: the time itself can't be measured, as what is compared is a hash that no sender can steer."""
    path = tmp_path / "keys"
    path.write_text("".join(line(f"k{number}", f"key {number}") for number in range(50)))
    keys = ApiKeys(path)
    compared: list[bytes] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(other)
        return hmac.compare_digest(one, other)

    monkeypatch.setattr(api_keys, "hmac", type("hmac", (), {"compare_digest": staticmethod(compare)}))
    for key in (b"key 0", b"key 49", b"none", b""):
        compared.clear()
        keys.name_of(key)
        assert len(compared) == len(set(compared)) == 50
    [loop] = [
        each
        for each in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(ApiKeys.name_of))))
        if isinstance(each, ast.For | ast.comprehension)
    ]
    assert not [each for each in ast.walk(loop) if isinstance(each, ast.Break | ast.Return | ast.Compare | ast.Raise)]

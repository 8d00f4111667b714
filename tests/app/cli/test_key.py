"""Keys: made by the command, and sent by it."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.api_keys import ApiKeys, read
from tests import data
from tests.app.cli.command import run
from tests.app.cli.conftest import url
from tests.app.keys import KEY, key_file
from tests.conftest import MODELS
from tests.server import Server


def test_a_new_key_is_printed_once_and_its_hash_kept(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    first = run("key", "ci", "--file", file)
    assert (first.status, first.err) == (0, "")
    [key] = first.out.splitlines()
    assert key.startswith("wardrobe_")
    assert len(key) == len("wardrobe_") + 43  # 256 bits in base64
    assert file.read_text() == f"ci {hashlib.sha256(key.encode()).hexdigest()}\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    second = run("key", "ci", WARDROBE_API_KEYS=str(file))
    assert second.out not in ("", first.out)
    assert [name for name, _ in read(file)] == ["ci", "ci"]
    assert ApiKeys(file).name_of(second.out.strip().encode()) == "ci"


def test_it_is_added_to_what_is_there(tmp_path: Path) -> None:
    file = key_file(tmp_path)
    before = file.read_text()
    file.write_text(before.rstrip("\n"))
    assert run("key", "third", "--file", file).status == 0
    assert file.read_text().startswith(f"{before}third ")
    assert len(read(file)) == 3


@pytest.mark.parametrize("name", ["", "two words", "ä", "#", "x" * 65, "a\nb"])
def test_a_name_that_can_not_stand_in_the_file(tmp_path: Path, name: str) -> None:
    done = run("key", name, "--file", tmp_path / "keys.txt")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("error: The name is ")
    assert not (tmp_path / "keys.txt").exists()


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("buy milk")
    for file in (tmp_path / "notes", tmp_path):
        done = run("key", "ci", "--file", file)
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith("error: A key can be added to a file of keys only: ")
    assert (tmp_path / "notes").read_text() == "buy milk"
    assert run("key", "ci", "--file", tmp_path / "nowhere" / "keys.txt").status == 4
    assert "Missing option '--file'" in run("key", "ci").err


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(models_dir=str(MODELS), api_keys=str(key_file(tmp_path_factory.mktemp("keys")))) as running:
        yield running


@pytest.mark.parametrize("command", [["predict", data.BOOT], ["models"], ["metrics"]])
def test_a_service_that_wants_a_key_gets_it(keyed: Server, command: list[object]) -> None:
    with_key = run(*command, "--url", url(keyed), WARDROBE_API_KEY=KEY)
    assert (with_key.status, with_key.err) == (0, "")
    without = run(*command, "--url", url(keyed))
    assert (without.status, without.out) == (3, "")
    assert "wants a key, in the environment variable WARDROBE_API_KEY" in without.err
    wrong = run(*command, "--url", url(keyed), WARDROBE_API_KEY="wrong-one")
    assert (wrong.status, wrong.out) == (3, "")
    assert "does not know the key in the environment variable WARDROBE_API_KEY" in wrong.err
    assert "wrong-one" not in wrong.err


@pytest.mark.parametrize("key", ["a b", "a\nX-Evil: 1", "ä"])
def test_what_can_be_no_key_is_not_sent_and_not_shown(keyed: Server, key: str) -> None:
    done = run("models", "--url", url(keyed), WARDROBE_API_KEY=key)
    assert (done.status, done.out) == (2, "")
    assert key not in done.err
    assert "WARDROBE_API_KEY" in done.err

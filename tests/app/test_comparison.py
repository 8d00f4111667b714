"""What compares the models in their folder: shown while it is of the versions served; in every other case passed over, and why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.comparison import FIGURES, MISTAKES, PAGE, SPRITE, read, read_mistakes
from tests.app import folders
from tests.app.folders import paper_models, publish
from tests.app.test_uploads import rejected
from tests.server import Server
from training.publish import write_json

SERVED = {"ann": 1, "cnn": 1}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return paper_models(tmp_path / "models")


def test_it_has_figures_and_a_page(copy: Path) -> None:
    stored = read(copy, SERVED)
    assert stored.figures is not None
    assert {name: row.version for name, row in stored.figures.models.items()} == SERVED
    assert (stored.page, stored.reason) == ((copy / PAGE).read_bytes(), None)


def test_a_model_that_was_not_compared_leaves_it_true(copy: Path) -> None:
    assert read(copy, {**SERVED, "resnet": 1}).page is not None


@pytest.mark.parametrize("served", [{"ann": 1, "cnn": 2}, {"ann": 1}, {}])
def test_of_other_versions_it_is_not_shown(copy: Path, served: dict[str, int]) -> None:
    stored = read(copy, served)
    assert (stored.figures, stored.page) == (None, None)
    assert stored.reason is not None
    assert "the stored one is of " in stored.reason
    assert "cnn 1" in stored.reason


@pytest.mark.parametrize("content", ["{", "[]", '{"models": 1}', "{}", "[" * 100_000])
def test_figures_that_are_none(copy: Path, content: str) -> None:
    (copy / FIGURES).write_text(content)
    stored = read(copy, SERVED)
    assert (stored.figures, stored.page) == (None, None)
    assert stored.reason == "comparison.json is missing or no comparison"


def test_without_a_page_the_figures_stand(copy: Path) -> None:
    (copy / PAGE).unlink()
    stored = read(copy, SERVED)
    assert stored.figures is not None
    assert (stored.page, stored.reason) == (None, "comparison.html can't be read (No such file or directory)")


@pytest.mark.parametrize("name", [FIGURES, PAGE])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_only_a_regular_file_is_read(copy: Path, name: str, kind: str) -> None:
    """A link would show what lies elsewhere; a pipe would hang the start."""
    if kind == "link":
        shutil.move(copy / name, copy.parent / "elsewhere")
        (copy / name).symlink_to(copy.parent / "elsewhere")
    else:
        (copy / name).unlink()
        (os.mkfifo if kind == "pipe" else os.mkdir)(copy / name)
    stored = read(copy, SERVED)
    assert stored.page is None
    assert (stored.figures is None) is (name == FIGURES)


NO_MISTAKES = "mistakes.json or mistakes.png is missing or damaged"


def test_mistakes_have_an_index_and_a_sprite(copy: Path) -> None:
    stored = read_mistakes(copy, SERVED)
    assert (stored.index, stored.sprite) == ((copy / MISTAKES).read_bytes(), (copy / SPRITE).read_bytes())
    assert stored.reason is None


def test_a_model_without_mistakes_of_its_own_leaves_them_true(copy: Path) -> None:
    assert read_mistakes(copy, {**SERVED, "resnet": 1}).index


@pytest.mark.parametrize("served", [{"ann": 1, "cnn": 2}, {"ann": 1}, {}])
def test_mistakes_of_other_versions_are_not_shown(copy: Path, served: dict[str, int]) -> None:
    stored = read_mistakes(copy, served)
    assert (stored.index, stored.sprite) == (b"", b"")
    assert stored.reason == "the stored one is of ann 1, cnn 1"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"models": 1}', "{}", "[" * 100_000])
def test_an_index_that_is_none(copy: Path, content: str) -> None:
    (copy / MISTAKES).write_text(content)
    stored = read_mistakes(copy, SERVED)
    assert (stored.index, stored.sprite, stored.reason) == (b"", b"", NO_MISTAKES)


DAMAGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "an image less": lambda index: index["test_index"].pop(),
    "a class less": lambda index: index["true"].pop(),
    "a prediction less": lambda index: index["models"]["cnn"]["predicted"].pop(),
    "a confidence more": lambda index: index["models"]["ann"]["confidence"].append(0.5),
    "an unknown true class": lambda index: index["true"].__setitem__(3, 10),
    "an unknown predicted class": lambda index: index["models"]["cnn"]["predicted"].__setitem__(-1, 10),
    "a class before the first": lambda index: index["models"]["ann"]["predicted"].__setitem__(0, -1),
    "a label less": lambda index: index["labels"].pop(),
    "no width": lambda index: index.update(columns=0),
    "no model's answers": lambda index: index["models"]["ann"].pop("predicted"),
    "no version": lambda index: index["models"]["ann"].pop("version"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_an_index_that_would_mislead_is_not_shown(copy: Path, name: str) -> None:
    index = folders.read(copy / MISTAKES)
    write_json(copy / MISTAKES, index)
    assert read_mistakes(copy, SERVED).reason is None
    DAMAGE[name](index)
    write_json(copy / MISTAKES, index)
    stored = read_mistakes(copy, SERVED)
    assert (stored.index, stored.sprite, stored.reason) == (b"", b"", NO_MISTAKES)


def test_a_sprite_of_another_run_is_not_shown(copy: Path) -> None:
    """Its images would stand beside what was said of others."""
    (copy / SPRITE).write_bytes((copy / SPRITE).read_bytes()[:-1])
    assert read_mistakes(copy, SERVED).reason == NO_MISTAKES


@pytest.mark.parametrize("name", [MISTAKES, SPRITE])
@pytest.mark.parametrize("kind", ["nothing", "link", "pipe", "folder"])
def test_mistakes_need_two_regular_files(copy: Path, name: str, kind: str) -> None:
    """A link would show what lies elsewhere; a pipe would hang the start."""
    shutil.move(copy / name, copy.parent / "elsewhere")
    if kind == "link":
        (copy / name).symlink_to(copy.parent / "elsewhere")
    elif kind != "nothing":
        (os.mkfifo if kind == "pipe" else os.mkdir)(copy / name)
    stored = read_mistakes(copy, SERVED)
    assert (stored.index, stored.sprite, stored.reason) == (b"", b"", NO_MISTAKES)


def test_over_http_it_is_a_page_that_loads_nothing(copy: Path) -> None:
    with Server(models_dir=str(copy)) as server:
        page = (copy / PAGE).read_bytes()
        (copy / PAGE).unlink()  # it was read at the start
        answer = server.http.get("/comparison")
        assert (answer.status_code, answer.content) == (200, page)
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert (
            answer.headers["Content-Security-Policy"] == server.http.get("/models/cnn/versions/1/report").headers["Content-Security-Policy"]
        )
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_over_http_mistakes_are_json_and_a_picture(copy: Path) -> None:
    with Server(models_dir=str(copy)) as server:
        index, sprite = (copy / MISTAKES).read_bytes(), (copy / SPRITE).read_bytes()
        (copy / MISTAKES).unlink()  # it was read at the start
        (copy / SPRITE).unlink()
        answer = server.http.get("/mistakes")
        assert (answer.status_code, answer.content) == (200, index)
        assert answer.headers["Content-Type"] == "application/json"
        picture = server.http.get("/mistakes/sprite")
        assert (picture.status_code, picture.content) == (200, sprite)
        assert picture.headers["Content-Type"] == "image/png"
        assert picture.headers["Cache-Control"] == "no-store"
        named = server.http.get("/mistakes/sprite", params={"sha256": answer.json()["sprite_sha256"]})
        assert (named.content, named.headers["Cache-Control"]) == (sprite, "private, max-age=31536000, immutable")
        rejected(server.http.get("/mistakes/sprite?sha256=00"), 404, "stored anew", "read /mistakes again")


def test_over_http_a_problem_says_why_there_is_none_and_what_to_do(copy: Path) -> None:
    publish(copy / "cnn" / "1", copy, "cnn", 2)
    with Server(models_dir=str(copy)) as server:
        for path in ("/comparison", "/mistakes", "/mistakes/sprite"):
            answer = server.http.get(path)
            rejected(answer, 404, "the stored one is of ", "cnn 1", "python -m training compare", "start the service again")
            assert answer.json()["type"] == "urn:wardrobe:problem:no-comparison"
        assert server.http.get("/metrics").json()["comparison"] is None


def test_over_http_mistakes_that_are_damaged_leave_the_comparison(copy: Path) -> None:
    (copy / SPRITE).unlink()
    with Server(models_dir=str(copy)) as server:
        for path in ("/mistakes", "/mistakes/sprite"):
            rejected(server.http.get(path), 404, NO_MISTAKES, "python -m training compare")
        assert server.http.get("/comparison").status_code == 200
        server.stop()
        assert any(each["message"] == "the models' mistakes can't be read" and "mistakes.png" in each["reason"] for each in server.logs())

"""The comparison in the models folder: shown while it is of the versions served, and passed over, with the reason, in every other case."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from app.comparison import FIGURES, PAGE, read
from tests.app.folders import paper_models, publish
from tests.app.test_uploads import rejected
from tests.server import Server

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


def test_over_http_a_problem_says_why_there_is_none_and_what_to_do(copy: Path) -> None:
    publish(copy / "cnn" / "1", copy, "cnn", 2)
    with Server(models_dir=str(copy)) as server:
        answer = server.http.get("/comparison")
        rejected(answer, 404, "the stored one is of ", "cnn 1", "python -m training compare", "start the service again")
        assert answer.json()["type"] == "urn:wardrobe:problem:no-comparison"
        assert server.http.get("/metrics").json()["comparison"] is None

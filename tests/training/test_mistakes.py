"""The mistakes in two files: what each model says of every image that one of them gets wrong, and the images in one picture."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from training.data import LABELS
from training.evidence.answers import Answers
from training.mistakes import COLUMNS, INDEX, SPRITE, sprite, write_mistakes

TRUE = [3, 1, 4, 1, 5, 9]


def answers(predicted: list[int], confidence: list[float]) -> Answers:
    return Answers(
        np.array(TRUE, np.uint8), np.array(predicted, np.uint8), np.array(confidence, np.float32), np.zeros(len(TRUE), np.float32)
    )


PAIR = {
    "ann": (2, answers([3, 7, 4, 2, 5, 9], [0.91, 0.50006, 0.93, 0.94, 0.95, 0.96])),
    "cnn": (5, answers([3, 1, 4, 1, 6, 9], [0.81, 0.82, 0.83, 0.84, 1 / 3, 0.86])),
}
"""One model is wrong about the images 1 and 3, the other about the image 4."""


def images(count: int) -> npt.NDArray[np.uint8]:
    """No two alike, and no pixel black."""
    return np.random.default_rng(count).integers(1, 256, (count, 28, 28, 1), np.uint8)


def read(folder: Path) -> tuple[dict[str, Any], npt.NDArray[np.uint8]]:
    with Image.open(folder / SPRITE, formats=["PNG"]) as picture:
        assert picture.mode == "L"
        return json.loads((folder / INDEX).read_text(encoding="utf-8")), np.asarray(picture)


def test_the_index_has_a_column_for_each_thing_known(tmp_path: Path) -> None:
    write_mistakes(tmp_path, PAIR, images(6))
    index, _ = read(tmp_path)
    assert index == {
        "labels": list(LABELS),
        "columns": COLUMNS,
        "test_index": [1, 3, 4],
        "true": [1, 1, 5],
        "models": {
            "ann": {"version": 2, "predicted": [7, 2, 5], "confidence": [0.5001, 0.94, 0.95]},
            "cnn": {"version": 5, "predicted": [1, 1, 6], "confidence": [0.82, 0.84, 0.3333]},
        },
        "sprite_sha256": hashlib.sha256((tmp_path / SPRITE).read_bytes()).hexdigest(),
    }


def test_the_sprite_has_the_images_in_the_same_order(tmp_path: Path) -> None:
    of = images(6)
    write_mistakes(tmp_path, PAIR, of)
    index, pixels = read(tmp_path)
    assert pixels.shape == (28, COLUMNS * 28)
    for place, position in enumerate(index["test_index"]):
        assert (pixels[:, 28 * place : 28 * (place + 1)] == of[position, ..., 0]).all()
    assert not pixels[:, 28 * 3 :].any()


def test_models_without_a_mistake_leave_both_files_readable(tmp_path: Path) -> None:
    write_mistakes(tmp_path, {"ann": (1, answers(TRUE, [0.9] * 6))}, images(6))
    index, pixels = read(tmp_path)
    assert (index["test_index"], index["true"]) == ([], [])
    assert index["models"] == {"ann": {"version": 1, "predicted": [], "confidence": []}}
    assert not pixels.any()


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 1, 1), (1, 4, 1), (4, 4, 1), (5, 4, 2), (8, 4, 2), (7, 3, 3)])
def test_a_sprite_goes_row_by_row_and_ends_in_black(count: int, columns: int, rows: int) -> None:
    of = images(count)
    pixels = np.asarray(sprite(of, columns))
    assert pixels.shape == (28 * rows, 28 * columns)
    cells = [pixels[28 * row : 28 * (row + 1), 28 * column : 28 * (column + 1)] for row in range(rows) for column in range(columns)]
    assert all((cell == image[..., 0]).all() for cell, image in zip(cells, of, strict=False))
    assert not np.any(cells[count:])


def test_the_same_answers_give_the_same_files_and_no_drafts(tmp_path: Path) -> None:
    write_mistakes(tmp_path, PAIR, images(6))
    before = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert before.keys() == {INDEX, SPRITE}
    write_mistakes(tmp_path, PAIR, images(6))
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == before


def test_new_answers_replace_the_old_ones(tmp_path: Path) -> None:
    write_mistakes(tmp_path, PAIR, images(6))
    write_mistakes(tmp_path, {"cnn": PAIR["cnn"]}, images(6))
    index, pixels = read(tmp_path)
    assert (index["test_index"], list(index["models"])) == ([4], ["cnn"])
    assert not pixels[:, 28:].any()


def test_a_folder_that_cannot_be_written_to_keeps_what_it_had(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_mistakes(tmp_path / "nowhere", PAIR, images(6))
    (tmp_path / f".{INDEX}.draft").mkdir()
    (tmp_path / SPRITE).write_bytes(b"old")
    with pytest.raises(IsADirectoryError):
        write_mistakes(tmp_path, PAIR, images(6))
    assert (tmp_path / SPRITE).read_bytes() == b"old"

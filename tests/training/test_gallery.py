"""The page's gallery: the first ten test images of each class, chosen by nobody."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from tests.training.conftest import REPOSITORY
from training.data import LABELS, Dataset
from training.gallery import main

COMMITTED = REPOSITORY / "app" / "web" / "static" / "gallery.png"


def pixels(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path, formats=["PNG"]) as picture:
        assert (picture.size, picture.mode) == ((280, 280), "L")
        return np.asarray(picture)


def test_the_committed_gallery_has_the_first_ten_test_images_of_each_class(dataset: Dataset) -> None:
    found = pixels(COMMITTED)
    for label in range(len(LABELS)):
        first = [image for image, of in zip(dataset.test_images, dataset.test_labels, strict=True) if of == label][:10]
        for place, image in enumerate(first):
            cell = found[28 * label : 28 * (label + 1), 28 * place : 28 * (place + 1)]
            assert (cell == image[..., 0]).all(), (LABELS[label], place)


def test_the_command_writes_it_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "gallery.png"
    monkeypatch.setattr(sys, "argv", ["training.gallery", str(path)])
    main()
    assert (pixels(path) == pixels(COMMITTED)).all()


def test_it_is_told_where_to_write(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["training.gallery"])
    with pytest.raises(SystemExit) as refused:
        main()
    assert refused.value.code == 2
    assert "required: path" in capsys.readouterr().err

"""`mistakes.json` and `mistakes.png`: every test image that a model gets wrong, with what each model says of it.

The images of all models' mistakes lie in one sprite, once each; the index has a column for each thing known of them, so that both are
small enough to be committed and to be sent to a page whole.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.data import LABELS
from training.evidence.answers import Answers

INDEX = "mistakes.json"
SPRITE = "mistakes.png"
COLUMNS = 40
"""Images in a row of a sprite."""


def write_mistakes(models: Path, answers: Mapping[str, tuple[int, Answers]], test_images: npt.NDArray[np.uint8]) -> None:
    """Write both files for one version of each model: `answers` by name, with the version; `test_images` is uint8 `[n, 28, 28, 1]`.

    Raises:
        OSError: The folder can't be written to.
    """
    wrong = np.flatnonzero(np.any([each.predicted != each.true for _, each in answers.values()], axis=0))
    drafts = {name: models / f".{name}.draft" for name in (SPRITE, INDEX)}
    sprite(test_images[wrong], COLUMNS).save(drafts[SPRITE], "PNG", optimize=True)
    content = index(wrong, answers, hashlib.sha256(drafts[SPRITE].read_bytes()).hexdigest())
    drafts[INDEX].write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")
    for name, draft in drafts.items():
        draft.replace(models / name)


def index(wrong: npt.NDArray[np.intp], answers: Mapping[str, tuple[int, Answers]], sprite_sha256: str) -> dict[str, Any]:
    """What `mistakes.json` holds for the images at the positions `wrong` of the test set; classes are positions in `labels`."""
    _, first = next(iter(answers.values()))
    return {
        "labels": list(LABELS),
        "columns": COLUMNS,
        "test_index": wrong.tolist(),
        "true": first.true[wrong].tolist(),
        "models": {
            name: {
                "version": version,
                "predicted": each.predicted[wrong].tolist(),
                "confidence": each.confidence[wrong].astype(float).round(4).tolist(),
            }
            for name, (version, each) in answers.items()
        },
        "sprite_sha256": sprite_sha256,
    }


def sprite(images: npt.NDArray[np.uint8], columns: int) -> Image.Image:
    """The images, uint8 `[n, 28, 28, 1]`, side by side, `columns` to a row; what is left of the last row is black."""
    rows = -(-len(images) // columns)
    cells = np.zeros((max(rows, 1) * columns, 28, 28), np.uint8)
    cells[: len(images)] = images[..., 0]
    return Image.fromarray(cells.reshape(-1, columns, 28, 28).swapaxes(1, 2).reshape(-1, columns * 28))

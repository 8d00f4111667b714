"""The published version that scores: chosen, verified and read into memory, so that it can be sent to other machines."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.publish import MANIFEST, published, verify

GRAPH = "model.tflite"


@dataclass(frozen=True)
class Version:
    """`graph` is `model.tflite`; the golden images are uint8 `[n, 28, 28, 1]`, their probabilities float32 `[n, classes]`."""

    name: str
    number: int
    manifest_sha256: str
    labels: tuple[str, ...]
    graph: bytes
    golden_images: npt.NDArray[np.uint8]
    golden_probabilities: npt.NDArray[np.float32]


def chosen(models: Path, name: str, number: int | None) -> Version:
    """The version `number` of the model `name`, by default its highest, every file checked against its manifest.

    Raises:
        TrainingError: There is none, or it is not what was published.
    """
    names = sorted(home.name for home in models.iterdir() if published(home)) if models.is_dir() else []
    if name not in names:
        there = f"choose one of {', '.join(names)} with --model" if names else "name the folder of the published models with --models"
        raise TrainingError(f"{models} has no published model named {name!r}: {there}", 2)
    numbers = published(models / name)
    number = number or numbers[-1]
    if number not in numbers:
        raise TrainingError(f"{name} has no version {number}: choose one of {', '.join(map(str, numbers))} with --version", 2)
    folder = models / name / str(number)
    verify(folder)
    try:
        golden = json.loads((folder / "golden.json").read_bytes())["images"]
        return Version(
            name,
            number,
            hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
            tuple(json.loads((folder / "card.json").read_bytes())["labels"]),
            (folder / GRAPH).read_bytes(),
            np.frombuffer(b"".join(base64.b64decode(each["pixels"]) for each in golden), np.uint8).reshape(-1, 28, 28, 1),
            np.array([each["probabilities"] for each in golden], np.float32),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{folder} can't be used for scoring ({error}): `python -m training evaluate {name} --version {number}` renews it"
        ) from error

"""`card.json`, what a published version is, and `golden.json`, how to recognise that it works."""

from __future__ import annotations

import base64
import dataclasses
import os
import platform
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training.data import CONTENT_MD5, LABELS, NAME, Dataset
from training.fit import Fit
from training.recipes import Recipe
from training.savedmodel import predict
from training.teacher import Teacher


def card(name: str, version: int, recipe: Recipe, fit: Fit, temperature: float = 1.0, teacher: Teacher | None = None) -> dict[str, Any]:
    """The facts of one training run, ready for JSON; durations in seconds, epochs counted from 1.

    `temperature` is what the graph divides the network's logits by.
    """
    return {
        "name": name,
        "version": version,
        "parameters": fit.model.count_params(),
        "labels": list(LABELS),
        "input": {"name": "image", "dtype": "uint8", "shape": [None, 28, 28, 1], "range": [0, 255]},
        "outputs": [
            {"name": "probabilities", "dtype": "float32", "shape": [None, len(LABELS)]},
            {"name": "logits", "dtype": "float32", "shape": [None, len(LABELS)]},
        ],
        "layers": [layer(each) for each in fit.model.layers],
        "recipe": dataclasses.asdict(recipe),
        "seed": recipe.seed,
        "epochs_run": fit.epochs_run,
        "best_epoch": fit.best_epoch,
        "history": fit.history,
        "duration_s": round(sum(fit.epoch_durations_s), 1),
        "epoch_s": round(statistics.median(fit.epoch_durations_s), 2),
        "temperature": temperature,
        "teacher": {"name": teacher.name, "version": teacher.version} if teacher else None,
        "data": {"name": NAME, "md5": CONTENT_MD5},
        "libraries": {
            "python": platform.python_version(),
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
        },
        "code_revision": code_revision(),
        "created_at": now(),
    }


def layer(each: keras.layers.Layer) -> dict[str, Any]:
    """One row of the layer table; `inputs` names the layers that it reads."""
    config = each.get_config()
    read = each.input if isinstance(each.input, list) else [each.input]
    settings = {key: config[key] for key in ("activation", "kernel_size", "pool_size", "rate") if config.get(key) is not None}
    return {
        "name": each.name,
        "type": type(each).__name__,
        "output_shape": list(each.output.shape),
        "parameters": each.count_params(),
        "inputs": [tensor._keras_history.operation.name for tensor in read],
        **settings,
    }


def golden(folder: Path, dataset: Dataset) -> dict[str, Any]:
    """The first test image of each class with TensorFlow's probabilities; `pixels` is base64 of 784 bytes, row by row."""
    indices = [int(np.argmax(dataset.test_labels == index)) for index in range(len(LABELS))]
    probabilities = predict(folder, dataset.test_images[indices]).probabilities
    return {
        "images": [
            {
                "test_index": index,
                "label": label,
                "pixels": base64.b64encode(dataset.test_images[index].tobytes()).decode(),
                "probabilities": [float(p) for p in row],
            }
            for index, label, row in zip(indices, LABELS, probabilities, strict=True)
        ]
    }


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def code_revision() -> str | None:
    """WARDROBE_REVISION, which an image is built with, or the checked-out commit, marked `-dirty` where files differ; else None.

    Files in `models` may differ: the rows of a study are stored there, run by run.
    """
    if given := os.environ.get("WARDROBE_REVISION"):
        return given
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no", "--", ":/", ":(top,exclude)models")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}-dirty" if changed else commit


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603

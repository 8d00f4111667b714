"""`card.json` and `golden.json` of a published version: what the design asks for, and true."""

from __future__ import annotations

import base64
import dataclasses
import json
import platform
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.special import log_softmax

from tests.training.conftest import REPOSITORY, Trial
from training.card import code_revision
from training.data import CONTENT_MD5, LABELS, Dataset
from training.fit import network
from training.recipes import RECIPES
from training.savedmodel import predict


@pytest.fixture(params=RECIPES)
def folder(request: pytest.FixtureRequest, trial: Trial) -> Path:
    return trial.models / str(request.param) / "1"


@pytest.fixture
def card(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return content


def test_the_card_says_which_model_it_is(card: dict[str, Any], folder: Path) -> None:
    assert (card["name"], card["version"]) == (folder.parent.name, 1)
    assert card["labels"] == list(LABELS)
    assert card["input"] == {"name": "image", "dtype": "uint8", "shape": [None, 28, 28, 1], "range": [0, 255]}
    assert card["outputs"] == [{"name": name, "dtype": "float32", "shape": [None, 10]} for name in ("probabilities", "logits")]


def test_the_cards_layers_are_the_networks(card: dict[str, Any]) -> None:
    model = network(RECIPES[card["name"]])
    assert [row["type"] for row in card["layers"]] == [type(layer).__name__ for layer in model.layers]
    assert [row["output_shape"] for row in card["layers"]] == [list(layer.output.shape) for layer in model.layers]
    assert [row["parameters"] for row in card["layers"]] == [layer.count_params() for layer in model.layers]
    assert card["parameters"] == model.count_params() == sum(row["parameters"] for row in card["layers"])
    for row, layer in zip(card["layers"], model.layers, strict=True):
        for setting in ("kernel_size", "pool_size"):
            assert row.get(setting) == (list(getattr(layer, setting)) if hasattr(layer, setting) else None)
        assert row.get("rate") == getattr(layer, "rate", None)
        assert row.get("activation") == (layer.activation.__name__ if hasattr(layer, "activation") else None)


def test_each_layer_reads_the_one_before_and_an_addition_a_second_one(card: dict[str, Any]) -> None:
    names = [row["name"] for row in card["layers"]]
    for index, row in enumerate(card["layers"][1:], start=1):
        assert row["inputs"][-1] == names[index - 1]
        assert set(row["inputs"]) <= set(names[:index])
        assert len(set(row["inputs"])) == (2 if row["type"] == "Add" else 1)


def test_the_card_says_how_it_was_trained(card: dict[str, Any]) -> None:
    recipe = RECIPES[card["name"]]
    assert card["recipe"] == dataclasses.asdict(dataclasses.replace(recipe, epochs=2, train_images=1500, trial=True))  # as the trial asked
    assert card["seed"] == card["recipe"]["seed"] == 0
    assert card["epochs_run"] == 2
    assert 1 <= card["best_epoch"] <= 2
    assert {name: len(values) for name, values in card["history"].items()} == dict.fromkeys(
        ("loss", "accuracy", "val_loss", "val_accuracy"), 2
    )
    stopped_early = recipe.early_stopping_patience is not None
    assert card["best_epoch"] == (1 + int(np.argmin(card["history"]["val_loss"])) if stopped_early else 2)
    assert card["duration_s"] > card["epoch_s"] > 0
    if recipe.teacher:
        assert card["teacher"] == {"name": recipe.teacher, "version": 1}
    else:
        assert card["teacher"] is None


def test_the_cards_temperature_is_in_the_graph(card: dict[str, Any], folder: Path, dataset: Dataset) -> None:
    """It suits the held-out images: no other divides the published logits to a smaller loss on them."""
    if not RECIPES[card["name"]].calibrated:
        assert card["temperature"] == 1.0
        return
    assert card["temperature"] != 1.0
    few = dataset.limited(1500)
    chosen = RECIPES[card["name"]].calibration(1500)
    labels = few.train_labels[chosen]
    logits = predict(folder, few.train_images[chosen]).logits.astype(np.float64)
    losses = [-log_softmax(logits / factor, axis=1)[np.arange(len(labels)), labels].mean() for factor in (0.98, 1.0, 1.02)]
    assert losses[1] == min(losses)


def test_the_card_says_with_what_and_when(card: dict[str, Any]) -> None:
    assert card["data"] == {"name": "Fashion-MNIST", "md5": CONTENT_MD5}
    assert card["libraries"] == {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
    }
    created = datetime.fromisoformat(card["created_at"])
    assert created.utcoffset() == timedelta(0)
    assert created <= datetime.now(UTC)


def test_golden_images_are_the_first_of_each_class_with_the_graphs_answers(folder: Path, dataset: Dataset) -> None:
    golden = json.loads((folder / "golden.json").read_text(encoding="utf-8"))["images"]
    assert [image["label"] for image in golden] == list(LABELS)
    for index, image in enumerate(golden):
        assert image["test_index"] == dataset.test_labels.tolist().index(index)
        pixels = np.frombuffer(base64.b64decode(image["pixels"]), np.uint8).reshape(28, 28, 1)
        assert (pixels == dataset.test_images[image["test_index"]]).all()
        answer = predict(folder, pixels[None]).probabilities[0]
        np.testing.assert_allclose(image["probabilities"], answer, rtol=0, atol=1e-6)


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()


def test_the_revision_is_the_commit_and_says_whether_files_differ(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In a repository of its own: this one need not be a checkout."""
    monkeypatch.delenv("WARDROBE_REVISION", raising=False)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "tree"))
    (tmp_path / "tree" / "models").mkdir(parents=True)
    git("init", "--quiet")
    for name in ("file", "models/study.json"):
        (tmp_path / "tree" / name).write_text("one")
    git("add", "--all")
    git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "--quiet", "--no-gpg-sign", "--message", "one")
    git("tag", "v1")
    commit = git("rev-parse", "HEAD")
    assert code_revision() == commit
    (tmp_path / "tree" / "models" / "study.json").write_text("two")  # a study stores its rows there, run by run
    (tmp_path / "tree" / "new").write_text("not in the repository")
    assert code_revision() == commit
    (tmp_path / "tree" / "file").write_text("two")
    assert code_revision() == f"{commit}-dirty"


def test_the_revision_of_an_image_is_what_it_was_built_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDROBE_REVISION", "abc123")
    assert code_revision() == "abc123"


def test_without_git_or_a_checkout_there_is_no_revision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WARDROBE_REVISION", raising=False)
    monkeypatch.setenv("GIT_DIR", str(tmp_path))
    assert code_revision() is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert code_revision() is None

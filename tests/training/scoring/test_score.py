"""Scoring the test set: the answers are the published ones, and the file says whose."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from app.runtime import litert
from tests.app.folders import NEWEST, damage, publish, read, seal
from tests.conftest import MODELS
from tests.server import ROOT
from tests.training.scoring.conftest import Images, Score
from training.data import LABELS, Dataset
from training.evidence.answers import Answers


def test_the_answers_are_the_published_ones(score: Score, output: Path, dataset: Dataset, tmp_path: Path) -> None:
    """All 10,000: TensorFlow's labels and confidence, and the service's probabilities."""
    np.save(tmp_path / "test.npy", dataset.test_images)
    done = score(tmp_path / "test.npy")
    assert (done.status, done.errors) == (0, "")
    version = MODELS / "cnn" / str(NEWEST["cnn"])
    published, table = Answers.read(version), pq.read_table(output)
    probabilities = np.array(table["probabilities"].to_pylist(), np.float32)
    assert (table["index"].to_numpy() == published.predicted).all()
    np.testing.assert_allclose(table["confidence"].to_numpy(), published.confidence, atol=1e-5)
    np.testing.assert_allclose(probabilities, litert(version)(dataset.test_images).probabilities, atol=1e-6)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert (probabilities.argmax(axis=1) == published.predicted).all()
    assert (table["confidence"].to_numpy() == probabilities.max(axis=1)).all()
    assert table["label"].to_pylist() == [LABELS[index] for index in published.predicted]
    assert table["row"].to_pylist() == list(range(10_000))
    assert table["path"].null_count == table["error"].null_count == 10_000


def test_the_file_says_who_answered(score: Score, output: Path, images: Images, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    assert score(tmp_path / "images.npy", "--model", "ann", "--version", 1).status == 0
    file = pq.ParquetFile(output)
    manifest = hashlib.sha256((MODELS / "ann" / "1" / "manifest.json").read_bytes()).hexdigest()
    said = {name.decode(): value.decode() for name, value in file.metadata.metadata.items() if name.startswith(b"wardrobe.")}
    assert said == {
        "wardrobe.model": "ann",
        "wardrobe.version": "1",
        "wardrobe.manifest_sha256": manifest,
        "wardrobe.labels": json.dumps(LABELS),
    }
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert types == {
        "row": "int64",
        "path": "string",
        "label": "string",
        "index": "int32",
        "confidence": "float",
        "probabilities": "fixed_size_list<element: float>[10]",
        "error": "string",
    }
    chunk = file.metadata.row_group(0).column(0)
    assert chunk.compression == "ZSTD"


@pytest.mark.parametrize("batch", [1, 7, 300, 1024])
def test_the_batch_changes_no_answer(score: Score, images: Images, tmp_path: Path, batch: int) -> None:
    np.save(tmp_path / "images.npy", images)
    expected = np.array([row["probabilities"] for row in score(tmp_path / "images.npy").rows])
    found = np.array([row["probabilities"] for row in score(tmp_path / "images.npy", "--batch", batch, "--again").rows])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_row_groups_are_bounded(score: Score, output: Path, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("score", "unfinished"):
        monkeypatch.setattr(f"training.scoring.{module}.PART_ROWS", 10)
    np.save(tmp_path / "images.npy", images)
    assert [row["row"] for row in score(tmp_path / "images.npy").rows] == list(range(300))
    metadata = pq.ParquetFile(output).metadata
    assert [metadata.row_group(each).num_rows for each in range(metadata.num_row_groups)] == [80, 80, 80, 60]


def test_a_version_that_is_not_what_was_published_answers_nothing(score: Score, output: Path, images: Images, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    models = tmp_path / "models"
    damage(publish(MODELS / "cnn" / "1", models, "cnn", 1))
    done = score(tmp_path / "images.npy", "--models", models)
    assert done.status == 1
    assert "models/cnn/1 is not what was published (variables/variables.data-00000-of-00001): restore the folder" in done.errors
    folder = publish(MODELS / "cnn" / "1", models, "cnn", 2)
    (folder / "model.tflite").write_bytes((MODELS / "cnn" / "2" / "model.tflite").read_bytes())
    seal(folder)  # a manifest that fits: only the golden images tell
    done = score(tmp_path / "images.npy", "--models", models)
    assert done.status == 1
    assert "cnn 2 answers its golden images otherwise than when it was published" in done.errors
    (folder / "model.tflite").write_bytes(b"nothing")
    seal(folder)
    assert "LiteRT can't run cnn 2" in score(tmp_path / "images.npy", "--models", models).errors
    (folder / "model.tflite").unlink()
    seal(folder)
    assert "models/cnn/2 can't be used for scoring" in score(tmp_path / "images.npy", "--models", models).errors
    assert not output.exists()


def test_wrong_requests_are_answered(score: Score, output: Path, images: Images, tmp_path: Path) -> None:
    path = tmp_path / "images.npy"
    np.save(path, images)
    requests = {
        ("--model", "tiny"): f"error: {MODELS} has no published model named 'tiny': choose one of ann, cnn, resnet with --model",
        ("--version", 9): "error: cnn has no version 9: choose one of 1, 2 with --version",
        (
            "--models",
            tmp_path,
        ): f"error: {tmp_path} has no published model named 'cnn': name the folder of the published models with --models",
        ("--column", "image"): f"error: {path} has no columns, so there is none named 'image': leave out --column",
        ("--batch", 0): "'0' is not a whole number from 1 up",
        ("--batch", 1025): "1025 is more than 1024, and no faster",
    }
    for options, answer in requests.items():
        done = score(path, "--models", MODELS, *options)
        assert done.status == 2
        assert answer in " ".join(done.errors.split())
        assert sorted(each.name for each in tmp_path.iterdir()) == [path.name]


def test_no_tensorflow_is_imported(images: Images, output: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    code = (
        "import sys; from training.__main__ import main; "
        f"status = main(['score', {str(tmp_path / 'images.npy')!r}, {str(output)!r}]); "
        "print(status, sorted({'tensorflow', 'keras', 'sklearn', 'matplotlib', 'ray', 'app'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
    assert done.stderr == ""  # LiteRT's greeting neither


def test_a_cluster_needs_ray(score: Score, images: Images, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    done = score(tmp_path / "images.npy", "--ray-address", "auto")
    assert done.status == 2
    assert "error: --ray-address needs Ray (ray is not installed): `make ray` installs it, for build/ray/bin/python" in done.errors


def test_the_card_is_whose_labels_are_written(score: Score, images: Images, tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", images)
    folder = publish(MODELS / "cnn" / "2", tmp_path / "models", "cnn", 2)
    card = read(folder / "card.json")
    (folder / "card.json").write_text(json.dumps({**card, "labels": [each.upper() for each in card["labels"]]}))
    seal(folder)
    done = score(tmp_path / "images.npy", "--models", tmp_path / "models")
    assert done.rows[0]["label"] == "ANKLE BOOT"

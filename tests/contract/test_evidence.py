"""What training measures and stores is what the API describes: two packages that never import each other agree on every key."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import BaseModel

from app.familiarity import familiarity
from app.registry import Registry
from app.schemas.comparison import Comparison, PairedTest
from app.schemas.mistakes import Mistakes
from app.schemas.report import (
    Calibration,
    ClassFigures,
    ConfusedPair,
    FamiliarityFigures,
    Intervals,
    Overlap,
    Robustness,
    Selection,
    StoredReport,
)
from app.settings import Settings
from tests import data
from tests.app.folders import LOADED, paper_models, read, seal
from tests.app.test_schemas import undescribed
from tests.conftest import MODELS
from training.data import LABELS, Dataset
from training.evidence import familiarity as measure
from training.evidence.answers import Answers
from training.evidence.calibration import before_and_after
from training.evidence.classification import classification, nll
from training.evidence.intervals import intervals
from training.evidence.overlap import overlap
from training.evidence.ranking import confused_pairs
from training.evidence.robustness import robustness
from training.evidence.selection import risk_coverage
from training.evidence.significance import paired
from training.mistakes import index
from training.publish import write_json

IMAGES, BYTES = data.load()
TRUE = BYTES.astype(np.int64)


def logits(seed: int) -> npt.NDArray[np.float32]:
    """Of a made-up model that is right about most of the sample."""
    return np.random.default_rng(seed).normal(size=(len(TRUE), 10)).astype(np.float32) + 2 * np.eye(10, dtype=np.float32)[TRUE]


LOGITS = logits(0)
PROBABILITIES = np.exp(LOGITS) / np.exp(LOGITS).sum(axis=1, keepdims=True)
PREDICTED = LOGITS.argmax(axis=1)


def answers(seed: int) -> Answers:
    of_seed = logits(seed)
    return Answers(
        TRUE.astype(np.uint8), of_seed.argmax(axis=1).astype(np.uint8), of_seed.max(axis=1), nll(of_seed, TRUE).astype(np.float32)
    )


def overlaps() -> dict[str, Any]:
    found = overlap(Dataset(IMAGES[:20], BYTES[:20], IMAGES[10:40], BYTES[10:40]))
    return {**found, "accuracy": 0.9, "accuracy_without": {"identical": 0.9}}


def paired_test() -> dict[str, Any]:
    return {"one": {"name": "cnn", "version": 2}, "other": {"name": "ann", "version": 2}, **paired(answers(0), answers(1))}


def unfamiliar() -> dict[str, Any]:
    known = measure.familiarity(IMAGES[:200], IMAGES[200:])
    foreign = {"noise": np.random.default_rng(0).integers(0, 256, (9, 28, 28, 1)).astype(np.uint8)}
    return {**measure.evaluate(known, IMAGES, foreign), "alternatives": measure.by_logits(LOGITS, {"noise": LOGITS[:9]})}


MEASURED: dict[str, tuple[type[BaseModel], Callable[[], list[dict[str, Any]]]]] = {
    "classes": (ClassFigures, lambda: list(classification(TRUE, PREDICTED, PROBABILITIES)["per_class"].values())),
    "intervals": (Intervals, lambda: [intervals(TRUE, PREDICTED, PROBABILITIES, nll(LOGITS, TRUE))]),
    "calibration": (Calibration, lambda: [{"in_graph": False, "images": 5000, **before_and_after(LOGITS, 1.5, TRUE)}]),
    "selection": (Selection, lambda: [risk_coverage(PROBABILITIES.max(axis=1), PREDICTED == TRUE)]),
    "robustness": (Robustness, lambda: [robustness(lambda images: np.zeros(len(images), np.int64), IMAGES[:5], BYTES[:5])]),
    "overlap": (Overlap, lambda: [overlaps()]),
    "familiarity": (FamiliarityFigures, lambda: [unfamiliar()]),
    "confused pairs": (ConfusedPair, lambda: confused_pairs(classification(TRUE, PREDICTED, PROBABILITIES)["confusion_matrix"])),
    "paired tests": (PairedTest, lambda: [paired_test()]),
    "mistakes": (Mistakes, lambda: [index(np.array([3, 7]), {"ann": (2, answers(0)), "cnn": (1, answers(1))}, "0" * 64)]),
}


@pytest.mark.parametrize("name", MEASURED)
def test_what_training_measures_is_described(name: str) -> None:
    shape, measured = MEASURED[name]
    rows = measured()
    assert rows
    for row in rows:
        stored = shape.model_validate(row)
        assert undescribed(stored) == []
        assert stored.model_fields_set == set(shape.model_fields)
        assert stored.model_dump(exclude_unset=True) == row


def test_the_service_measures_familiarity_as_training_does(dataset: Dataset) -> None:
    known = measure.familiarity(dataset.train_images[:5000], dataset.train_images[-5000:])
    served = familiarity(known.as_card())
    assert served is not None
    for images in (dataset.test_images[:2000], 255 - dataset.test_images[:2000]):
        distances = measure.distance(images, known.typical)
        np.testing.assert_allclose(served.distances(images), distances, atol=5e-4, rtol=0)  # grey levels: it computes in float32
        assert (served.unlike(images) == (distances > known.threshold)).all()
    assert 0.02 < served.unlike(dataset.test_images).mean() < 0.08


def test_metrics_serves_all_that_was_measured(tmp_path: Path) -> None:
    """A report and a comparison with everything come back key by key, and nothing is added to those that have less."""
    models = paper_models(tmp_path / "models")
    report, comparison = read(models / "cnn" / "1" / "report.json"), read(models / "comparison.json")
    rows = {name: measured()[0] for name, (_, measured) in MEASURED.items()}
    report["test"]["intervals"] = rows["intervals"]
    report["test"]["per_class"]["Coat"] = rows["classes"]
    report["examples"]["most_confident_mistakes"] = report["examples"]["misclassified"]
    report["confused_pairs"] = [rows["confused pairs"]]
    report |= {name: rows[name] for name in ("calibration", "selection", "robustness", "overlap", "familiarity")}
    comparison |= {
        "tests": [rows["paired tests"]],
        "study": {"cnn": {"paper": {"seeds": [0]}}},
        "ablation": [{"model": "cnn"}],
        "earlier": {},
    }
    write_json(models / "cnn" / "1" / "report.json", report)
    seal(models / "cnn" / "1")
    write_json(models / "comparison.json", comparison)
    answer = json.loads(Registry(Settings(models_dir=models)).evidence(None))
    assert answer["models"]["cnn"] == {key: value for key, value in report.items() if key not in ("name", "dataset")}
    assert answer["models"]["ann"] == {
        key: value for key, value in read(models / "ann" / "1" / "report.json").items() if key not in ("name", "dataset")
    }
    assert answer["comparison"] == comparison


@pytest.mark.parametrize(("name", "version"), LOADED)
def test_a_committed_card_accepts_as_many_test_images_as_its_report_says(dataset: Dataset, name: str, version: int) -> None:
    stated = read(MODELS / name / str(version) / "report.json").get("familiarity")
    served = familiarity(read(MODELS / name / str(version) / "card.json").get("familiarity"))
    assert (stated is None) is (served is None)
    if stated and served:
        assert 1 - served.unlike(dataset.test_images).mean() == pytest.approx(stated["accepted_test"], abs=1e-6)


@pytest.mark.parametrize(("name", "version"), LOADED)
def test_every_key_of_a_committed_report_is_described(name: str, version: int) -> None:
    report = StoredReport.model_validate(read(MODELS / name / str(version) / "report.json"))
    assert undescribed(report) == []
    assert report.dataset.labels == list(LABELS)


def test_every_key_of_the_committed_comparison_is_described() -> None:
    assert undescribed(Comparison.model_validate(read(MODELS / "comparison.json"))) == []

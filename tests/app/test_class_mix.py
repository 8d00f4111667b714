"""The measure against SciPy's, its bias against draws, and what the service makes of it, over real HTTP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon

from app.class_mix import ENOUGH, Shares, by_chance, divergence
from tests.app.folders import NEWEST, read
from tests.conftest import png
from tests.server import Server
from training.data import LABELS, Dataset

TENTHS = np.full(10, 0.1)


TESTED = 10_000


def drawn(images: int, mix: Shares, times: int) -> list[float]:
    """Divergences of samples of the mix from test sets that are samples of it too."""
    random = np.random.default_rng(0)
    live, tests = random.multinomial(images, mix, times) / images, random.multinomial(TESTED, mix, times) / TESTED
    return [divergence(*each) for each in zip(live, tests, strict=True)]


@pytest.mark.parametrize("seed", range(20))
def test_it_is_the_square_of_scipys_distance(seed: int) -> None:
    one, other = np.random.default_rng(seed).dirichlet(np.full(10, 0.3), 2)
    one[:seed] = 0  # labels never answered
    if one.sum():
        one /= one.sum()
        assert divergence(one, other) == pytest.approx(jensenshannon(one, other, base=2) ** 2, abs=1e-12)
        assert divergence(one, other) == pytest.approx(divergence(other, one), abs=1e-12)


def test_its_ends_are_0_and_1() -> None:
    assert divergence(TENTHS, TENTHS) == 0
    assert divergence(np.array([1.0, 0, 0]), np.array([0, 0.4, 0.6])) == pytest.approx(1)


@pytest.mark.parametrize("mix", [TENTHS, np.array([0.3, 0.2, 0.1, 0.1, 0.08, 0.08, 0.05, 0.04, 0.03, 0.02])], ids=["even", "uneven"])
@pytest.mark.parametrize("images", [ENOUGH, 5000, 100_000])
def test_by_chance_it_is_what_is_said(mix: Shares, images: int) -> None:
    assert np.mean(drawn(images, mix, 4000)) == pytest.approx(by_chance(images, TESTED, 10), rel=0.05)


def test_from_enough_images_on_chance_is_told_from_change() -> None:
    assert by_chance(ENOUGH, TESTED, 10) == pytest.approx(0.003, abs=0.0005)
    assert np.quantile(drawn(ENOUGH, TENTHS, 20_000), 0.999) == pytest.approx(0.010, abs=0.001)
    doubled = np.array([0.2, *[0.8 / 9] * 9])
    assert divergence(doubled, TENTHS) == pytest.approx(0.014, abs=0.0005)


def test_a_model_says_how_its_answers_are_mixed(models: Path, dataset: Dataset) -> None:
    stored = read(models / "cnn" / str(NEWEST["cnn"]) / "report.json")["test"]["confusion_matrix"]
    tested = np.sum(stored, axis=0) / 10_000
    boots = dataset.test_images[dataset.test_labels == LABELS.index("Ankle boot")][:255, ..., 0]
    with Server(models_dir=str(models)) as server:
        before = server.http.get("/models/cnn").json()["class_mix"]
        results = []
        for image in dataset.test_images[:1, ..., 0], boots, boots[:244]:
            answer = server.http.post("/predict/batch", files=[("files", png(each)) for each in image])
            results += answer.json()["results"]
            if len(results) == ENOUGH - 244:
                few = server.http.get("/models/cnn").json()["class_mix"]
                assert "wardrobe_class_mix_divergence{" not in server.http.get("/telemetry").text
        after = server.http.get("/models/cnn").json()["class_mix"]
        text = server.http.get("/telemetry").text
        others = server.http.get("/models/ann").json()["class_mix"]
    assert (before["images"], before["divergence"], before["by_chance"]) == (0, None, None)
    assert before["labels"] == {label: {"live": None, "test": round(share, 6)} for label, share in zip(LABELS, tested, strict=True)}
    assert (few["images"], few["divergence"], few["by_chance"]) == (256, None, None)
    assert others["images"] == 0
    live = np.array([sum(each["label"] == label for each in results) for label in LABELS]) / ENOUGH
    assert after["images"] == len(results) == ENOUGH
    assert [each["live"] for each in after["labels"].values()] == pytest.approx(live.tolist())
    assert after["divergence"] == pytest.approx(jensenshannon(live, tested, base=2) ** 2, abs=1e-6)
    assert after["divergence"] > 0.5 > 100 * after["by_chance"]
    assert after["by_chance"] == pytest.approx(9 / (8 * np.log(2)) * (1 / ENOUGH + 1 / TESTED), abs=1e-6)
    version = f'model="cnn",version="{NEWEST["cnn"]}"'
    assert f"wardrobe_class_mix_divergence{{{version}}} {after['divergence']}\n" in text
    assert f'wardrobe_test_class_ratio{{label="Bag",{version}}} {tested[LABELS.index("Bag")]}\n' in text


def test_a_model_that_is_not_served_has_no_mix(models: Path) -> None:
    with Server(models_dir=str(models), default_model="none") as server:
        assert server.http.get("/models/none").json()["class_mix"] is None

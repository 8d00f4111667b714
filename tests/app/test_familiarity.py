from __future__ import annotations

import base64
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import ValidationError

from app.errors import ModelUnavailableError
from app.familiarity import Distance, familiarity
from app.model import Model
from app.registry import Registry
from app.settings import Settings
from tests.app.folders import paper_models, read, seal
from tests.conftest import png
from tests.server import Server
from training.data import Dataset
from training.publish import write_json


def plain(*levels: int) -> npt.NDArray[np.uint8]:
    """Images of one grey level each, uint8 `[n, 28, 28, 1]`."""
    return np.array(levels, np.uint8).reshape(-1, 1, 1, 1).repeat(28, axis=1).repeat(28, axis=2)


def card(typical: npt.NDArray[np.uint8], /, **others: object) -> dict[str, Any]:
    """What a card states, of typical images, uint8 `[k, 7, 7]`."""
    stated = {"score": "distance", "unit": "grey levels", "threshold": 20.0, "accepted": 0.95, "grid": 7}
    return {**stated, "typical": base64.b64encode(typical.tobytes()).decode(), **others}


DARK_AND_LIGHT = np.array([50, 200], np.uint8).reshape(2, 1, 1).repeat(7, axis=1).repeat(7, axis=2)


def of(stated: dict[str, Any]) -> Distance:
    known = familiarity(stated)
    assert known
    return known


def test_the_distance_is_to_the_nearest_typical_image() -> None:
    known = of(card(DARK_AND_LIGHT))
    np.testing.assert_allclose(known.distances(plain(50, 0, 110, 140, 255)), [0, 50, 60, 60, 55])
    assert known.unlike(plain(30, 29, 220, 221)).tolist() == [False, True, False, True]


def test_it_is_the_root_mean_square_over_the_cells() -> None:
    image = plain(50)
    image[0, :4, :4] = 120  # one of 49 cells, 70 grey levels from the typical image's
    np.testing.assert_allclose(of(card(DARK_AND_LIGHT)).distances(image), [10])
    image[0, 4:8, 8:12, 0] = 50 + 140 * (np.indices((4, 4)).sum(axis=0) % 2)  # a chessboard, 70 grey levels on average: another cell
    np.testing.assert_allclose(of(card(DARK_AND_LIGHT)).distances(image), [10 * 2**0.5])


def test_cells_are_compared_in_their_places() -> None:
    typical = np.zeros((1, 7, 7), np.uint8)
    typical[0, 1, 2] = 70
    image = plain(0)
    image[0, 4:8, 8:12] = 70
    known = of(card(typical))
    np.testing.assert_allclose(known.distances(np.concatenate([image, image.transpose(0, 2, 1, 3)])), [0, 10 * 2**0.5], atol=1e-9)


def test_one_image_is_judged_as_in_a_batch(dataset: Dataset) -> None:
    typical = np.random.default_rng(0).integers(0, 256, (64, 7, 7), np.uint8)
    known = of(card(typical))
    together = known.distances(dataset.test_images[:20])
    np.testing.assert_allclose([known.distances(dataset.test_images[i : i + 1])[0] for i in range(20)], together)
    cells = dataset.test_images[:20, ..., 0].reshape(20, 7, 4, 7, 4).mean(axis=(2, 4)).reshape(20, 1, 49)
    expected = np.sqrt(((cells - typical.reshape(64, 49)) ** 2).mean(axis=2)).min(axis=1)
    np.testing.assert_allclose(together, expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": float("nan")},
        {"threshold": float("inf")},
        {"threshold": 0},
        {"threshold": -3.0},
        {"threshold": 1e9},
        {"threshold": None},
        {"accepted": 0},
        {"accepted": 1},
        {"accepted": float("nan")},
        {"accepted": 95},
        {"grid": 5},
        {"grid": 0},
        {"typical": ""},
        {"typical": base64.b64encode(bytes(50)).decode()},
        {"typical": "!" + base64.b64encode(bytes(49)).decode()},
        {"typical": "ä"},
        {"typical": [1, 2]},
    ],
    ids=str,
)
def test_a_card_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        familiarity(card(DARK_AND_LIGHT, **wrong))


@pytest.mark.parametrize("stored", [None, {}, {"score": "energy", "threshold": -3.0}, {"score": ["distance"]}, {"threshold": 3.0}])
def test_a_score_that_is_not_known_is_none(stored: dict[str, Any] | None) -> None:
    assert familiarity(stored) is None


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return paper_models(tmp_path / "models")


def state(version: Path, stated: dict[str, Any] | None) -> None:
    """Publish the version with this in its card."""
    write_json(version / "card.json", {**read(version / "card.json"), "familiarity": stated})
    seal(version)


@pytest.mark.parametrize("stated", [None, card(DARK_AND_LIGHT)])
def test_a_model_judges_by_its_card(copy: Path, stated: dict[str, Any] | None) -> None:
    state(copy / "cnn" / "1", stated)
    expected = [None, 0.95] if stated else [None, None]
    assert Model(copy / "cnn" / "1", "litert").more_familiar(plain(50, 100)) == expected


def test_an_unknown_score_costs_the_warning_and_a_line_in_the_log_but_not_the_model(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    state(copy / "cnn" / "1", {"score": "typicality", "threshold": 3.0, "accepted": 0.95})
    with caplog.at_level(logging.WARNING):
        model = Model(copy / "cnn" / "1", "litert")
    assert model.more_familiar(plain(50, 100)) == [None, None]
    [line] = [each for each in caplog.records if "score is unknown" in each.message]
    assert (line.__dict__["model"], line.__dict__["version"], line.__dict__["score"]) == ("cnn", 1, "typicality")


def test_a_version_with_an_absurd_threshold_is_not_served(copy: Path) -> None:
    text = json.dumps({**read(copy / "cnn" / "1" / "card.json"), "familiarity": card(DARK_AND_LIGHT, threshold=float("nan"))})
    assert "NaN" in text
    (copy / "cnn" / "1" / "card.json").write_text(text)
    seal(copy / "cnn" / "1")
    with pytest.raises(ModelUnavailableError, match="can't be used: 1 validation error for Distance"):
        Registry(Settings(models_dir=copy)).model("cnn")


def test_over_http_a_strange_image_gets_a_warning_and_no_other_does(copy: Path, dataset: Dataset) -> None:
    known = dataset.test_images[:1].reshape(1, 7, 4, 7, 4).mean(axis=(2, 4)).round().astype(np.uint8)
    state(copy / "cnn" / "1", card(known))
    boot = dataset.test_images[0, ..., 0]
    stripes = np.zeros((28, 28), np.uint8)
    stripes[4:24:2, 4:24] = 255
    with Server(models_dir=str(copy)) as server:
        batch = server.http.post("/predict/batch", files=[("files", png(each)) for each in (boot, stripes, boot, 255 - boot, boot * 0)])
        warnings = [[each.split(":")[0] for each in result["warnings"] if "near tie" not in each] for result in batch.json()["results"]]
        assert warnings[0] == warnings[2] == []
        assert warnings[1] == ["Unlike the images the model was trained on"]
        assert warnings[3][0].startswith("The image has a bright border")
        assert warnings[4] == ["The image is blank or nearly so"]
        assert len(warnings[3]) == 1
        compared = server.http.post("/compare", files={"file": png(stripes)}).json()["models"]
        assert compared["cnn"]["warnings"] == batch.json()["results"][1]["warnings"]
        assert not any(each.startswith("Unlike") for each in compared["ann"]["warnings"])  # its card states nothing
        detail = server.http.get("/models/cnn").json()
        assert detail["card"] == read(copy / "cnn" / "1" / "card.json")

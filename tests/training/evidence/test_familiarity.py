"""Out-of-distribution detection: distances and shares worked out by hand, and garments told from what is none."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt
import pytest

from training.data import Dataset
from training.evidence.familiarity import Familiarity, distance, evaluate, familiarity, threshold, typical
from training.evidence.foreign import foreign

Images = npt.NDArray[np.uint8]


def plain(*levels: int) -> Images:
    return np.array(levels, np.uint8).reshape(-1, 1, 1, 1).repeat(28, axis=1).repeat(28, axis=2)


def garments(*levels: int) -> Images:
    """Typical ones of one grey level each."""
    return plain(*levels)[:, :7, :7, 0]


@pytest.fixture(scope="module")
def known(dataset: Dataset) -> Familiarity:
    return familiarity(dataset.train_images[:10_000], dataset.train_images[-5000:])


def test_the_distance_is_in_grey_levels_to_the_nearest() -> None:
    np.testing.assert_allclose(distance(plain(100, 0, 250, 171), garments(90, 255)), [10, 90, 5, 81])


def test_the_distance_is_the_root_mean_square_over_squares_of_4_by_4() -> None:
    image = plain(0)
    image[0, :4, :4] = 70  # one of 49 squares
    assert distance(image, garments(0))[0] == pytest.approx(10)
    image[0, 4:8, 8:12, 0] = 140 * (np.indices((4, 4)).sum(axis=0) % 2)  # a chessboard averages to 70: one more
    assert distance(image, garments(0))[0] == pytest.approx(10 * 2**0.5)
    shape = np.zeros((1, 7, 7), np.uint8)
    shape[0, 0, 0] = shape[0, 1, 2] = 70
    assert distance(image, shape)[0] == pytest.approx(0)
    assert distance(image, shape.transpose(0, 2, 1))[0] > 10


def test_one_image_needs_no_more_than_numpy(known: Familiarity, dataset: Dataset) -> None:
    """What a service computes for `pixels`, uint8 `(28, 28)`."""
    expected = distance(dataset.test_images[:20], known.typical)
    for pixels, score in zip(dataset.test_images[:20, ..., 0], expected, strict=True):
        cells = pixels.reshape(7, 4, 7, 4).mean(axis=(1, 3))
        assert np.sqrt(((cells - known.typical) ** 2).mean(axis=(1, 2)).min()) == pytest.approx(score)


def test_the_threshold_accepts_the_share_asked_for() -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1.0, 101.0))
    assert threshold(scores) == 95
    assert threshold(scores, accepted=0.5) == 50
    assert threshold(scores, accepted=1) == 100
    assert threshold(np.array([1.0, 2, 2, 2]), accepted=0.3) == 2
    # between two scores there is nothing to accept: 9 of 10 are too few for 95 %
    assert threshold(np.arange(10.0)) == 9


def test_figures_are_those_worked_out_by_hand() -> None:
    report = evaluate(Familiarity(garments(0), 20), plain(0, 10, 20, 30), {"far": plain(40, 50), "mixed": plain(5, 20, 40)})
    assert report == {
        "score": "distance",
        "unit": "grey levels",
        "threshold": 20,
        "accepted": 0.95,
        "accepted_test": 0.75,
        "foreign": {
            "far": {"images": 2, "auroc": 1, "flagged": 1},
            # of 12 pairs, foreign beyond real: 1 for 5, 2 and one level for 20, 4 for 40
            "mixed": {"images": 3, "auroc": pytest.approx((1 + 2.5 + 4) / 12), "flagged": pytest.approx(1 / 3)},
        },
    }
    assert json.loads(json.dumps(report)) == report


def test_typical_garments_are_pictures_of_those_given(dataset: Dataset) -> None:
    few = dataset.train_images[:1500]
    found = typical(few)
    assert found.dtype == np.uint8
    assert found.shape == (256, 7, 7)
    assert found.mean() == pytest.approx(few.mean(), rel=0.15)
    assert len(np.unique(found.reshape(256, -1), axis=0)) == 256


def test_too_few_images_are_an_error(dataset: Dataset) -> None:
    assert len(typical(dataset.train_images[:64])) == 256
    with pytest.raises(ValueError, match="n_samples=252 should be >= n_clusters=256"):
        typical(dataset.train_images[:63])


def test_learning_again_gives_the_same(known: Familiarity, dataset: Dataset) -> None:
    again = familiarity(dataset.train_images[:10_000], dataset.train_images[-5000:])
    np.testing.assert_array_equal(again.typical, known.typical)
    assert again.threshold == known.threshold == threshold(distance(dataset.train_images[-5000:], known.typical))


def flagged(known: Familiarity, images: Images) -> float:
    return float((distance(images, known.typical) > known.threshold).mean())


def test_most_garments_are_familiar_mirrored_and_moved_ones_too(known: Familiarity, dataset: Dataset) -> None:
    images = dataset.test_images
    assert flagged(known, images) == pytest.approx(0.05, abs=0.015)
    assert flagged(known, images[:, :, ::-1]) < 0.09  # 0.25 without mirrored copies
    moved = np.zeros_like(images)
    moved[:, 2:, 2:] = images[:, :-2, :-2]
    assert flagged(known, moved) < 0.25  # 0.6 without moved copies


def test_most_foreign_images_are_not(known: Familiarity, dataset: Dataset) -> None:
    report = evaluate(known, dataset.test_images, foreign())
    least = {"digits": (0.97, 0.85), "letters": (0.94, 0.7), "noise": (0.99, 0.99), "patterns": (0.99, 0.99), "photos": (0.88, 0.7)}
    assert set(report["foreign"]) == set(least)
    for name, (auroc, share) in least.items():
        row = report["foreign"][name]
        assert auroc < row["auroc"] <= 1, name
        assert share < row["flagged"] <= 1, name
    assert flagged(known, 255 - dataset.test_images) > 0.99

"""The overlap: what was planted is found and nothing else, distances are exact, and the real data's counts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from training.data import Dataset
from training.evidence.overlap import accuracy_without, overlap

TRAIN, TEST = 300, 260
"""More test images than are compared at a time."""


def planted(plant: Callable[[Dataset], None]) -> dict[str, Any]:
    """The overlap of images of pure noise, all far from each other but for those that `plant` makes alike."""
    random = np.random.default_rng(3)
    train, test = (random.integers(0, 256, (count, 28, 28, 1), np.uint8) for count in (TRAIN, TEST))
    made = Dataset(train, np.zeros(TRAIN, np.uint8), test, np.zeros(TEST, np.uint8))
    plant(made)
    return overlap(made)


def nothing(_: Dataset) -> None: ...


NONE = {"pairs": [], "same_label": 0, "different_label": 0, "test_indices": []}


def test_different_images_do_not_overlap() -> None:
    assert planted(nothing) == {
        "near_rms": 10.0,
        "train": {"identical": NONE, "near": NONE},
        "test": {"identical": NONE, "near": NONE},
    }


def test_an_image_of_both_sets_is_found_with_each_of_its_copies() -> None:
    def plant(data: Dataset) -> None:
        data.test_images[255] = data.train_images[[7, 299]] = data.train_images[40]
        data.train_labels[299] = 6

    found = planted(plant)
    pairs = [
        {"test_index": 255, "train_index": index, "rms": 0.0, "same_label": same} for index, same in ((7, True), (40, True), (299, False))
    ]
    assert found["train"]["identical"] == {"pairs": pairs, "same_label": 2, "different_label": 1, "test_indices": [255]}
    assert found["train"]["near"] == NONE
    assert found["test"] == {"identical": NONE, "near": NONE}


def test_a_changed_pixel_makes_a_near_duplicate() -> None:
    def plant(data: Dataset) -> None:
        data.train_images[5, 0, 0], data.test_images[2] = 100, data.train_images[5]
        data.test_images[2, 0, 0] = 156

    found = planted(plant)["train"]
    # 56 levels in one of 784 pixels: 56 / 28
    pair = {"test_index": 2, "train_index": 5, "rms": pytest.approx(2.0, abs=1e-12), "same_label": True}
    assert found == {"identical": NONE, "near": {"pairs": [pair], "same_label": 1, "different_label": 0, "test_indices": [2]}}


@pytest.mark.parametrize(("levels", "near"), [(10, True), (11, False)])
def test_the_limit_itself_is_still_near(levels: int, near: bool) -> None:
    def plant(data: Dataset) -> None:
        data.train_images[5] = data.train_images[5].clip(0, 200)
        data.test_images[2] = data.train_images[5] + levels

    assert planted(plant)["train"]["near"]["test_indices"] == [2] * near


def test_a_pair_within_the_test_set_counts_once_and_no_image_pairs_with_itself() -> None:
    def plant(data: Dataset) -> None:
        data.test_images[251] = data.test_images[3]
        data.test_labels[251] = 9

    found = planted(plant)
    pair = {"test_index": 3, "other_test_index": 251, "rms": 0.0, "same_label": False}
    assert found["test"]["identical"] == {"pairs": [pair], "same_label": 0, "different_label": 1, "test_indices": [3, 251]}
    assert found["train"]["identical"] == NONE


@pytest.mark.parametrize("level", [0, 127, 255])
def test_one_level_in_one_pixel_is_told_from_none(level: int) -> None:
    """Where the sums are largest, a difference of 1 among 51 million would be lost in float32 without the centring."""

    def plant(data: Dataset) -> None:
        data.train_images[5] = data.test_images[2] = level
        data.test_images[2, 27, 27] = abs(level - 1)

    found = planted(plant)["train"]
    assert found["identical"] == NONE
    assert [pair["rms"] for pair in found["near"]["pairs"]] == [1 / 28]


def test_pairs_and_distances_equal_scipys_in_float64(dataset: Dataset) -> None:
    few = Dataset(dataset.train_images[:3000], dataset.train_labels[:3000], dataset.test_images[:600], dataset.test_labels[:600])
    found = overlap(few, near=35.0)
    test, train = (images.reshape(len(images), -1).astype(np.float64) for images in (few.test_images, few.train_images))
    across, within = cdist(test, train) / 28, np.triu(cdist(test, test) / 28, 1)
    for part, other, distances, labels in (
        ("train", "train_index", across, few.train_labels),
        ("test", "other_test_index", within, few.test_labels),
    ):
        near = found[part]["near"]
        expected = np.argwhere((distances > 0) & (distances <= 35))
        assert len(expected) > 100
        assert [[pair["test_index"], pair[other]] for pair in near["pairs"]] == expected.tolist()
        assert [pair["rms"] for pair in near["pairs"]] == pytest.approx(list(distances[tuple(expected.T)]), abs=1e-9)
        same = few.test_labels[expected[:, 0]] == labels[expected[:, 1]]
        assert [pair["same_label"] for pair in near["pairs"]] == same.tolist()
        assert (near["same_label"], near["different_label"]) == (same.sum(), (~same).sum())
        assert 0 < same.sum() < len(same)


@pytest.fixture(scope="module")
def real(dataset: Dataset) -> dict[str, Any]:
    return overlap(dataset)


def test_the_real_sets_share_no_byte_identical_image(real: dict[str, Any], dataset: Dataset) -> None:
    train, test = ([image.tobytes() for image in images] for images in (dataset.train_images, dataset.test_images))
    assert len(set(train) & set(test)) == real["train"]["identical"]["same_label"] + real["train"]["identical"]["different_label"] == 0
    assert len(test) - len(set(test)) == len(real["test"]["identical"]["pairs"]) == 0


def test_the_real_near_duplicates(real: dict[str, Any], dataset: Dataset) -> None:
    near = real["train"]["near"]
    assert (len(near["test_indices"]), near["same_label"], near["different_label"]) == (18, 25, 0)
    assert real["test"]["near"]["test_indices"] == [802, 2115, 4926, 9921]
    for pair in near["pairs"]:
        one, other = dataset.test_images[pair["test_index"]], dataset.train_images[pair["train_index"]]
        assert pair["rms"] == pytest.approx(np.sqrt(((one.astype(np.int64) - other) ** 2).mean()), abs=1e-12)
    assert json.loads(json.dumps(real)) == real


def test_the_same_data_is_compared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = planted(nothing)
    monkeypatch.setattr("training.evidence.overlap._overlap", None)
    again = planted(nothing)
    assert again == first
    again["train"].clear()
    assert planted(nothing) == first


def test_accuracy_leaves_the_given_images_out() -> None:
    true, predicted = np.array([0, 1, 2, 3, 4]), np.array([0, 1, 9, 9, 4])
    assert accuracy_without(true, predicted, []) == 3 / 5
    assert accuracy_without(true, predicted, [0, 4]) == 1 / 3
    assert accuracy_without(true, predicted, [2, 3]) == 1


def test_no_image_has_no_accuracy_and_a_missing_one_is_refused() -> None:
    labels = np.array([0, 1])
    assert accuracy_without(labels, labels, [0, 1]) is None
    with pytest.raises(IndexError):
        accuracy_without(labels, labels, [2])

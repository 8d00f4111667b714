from __future__ import annotations

import numpy as np
import pytest

from app.advice import advice
from training.data import LABELS, Dataset

SURE = np.array([0.91] + [0.01] * 9, np.float32)


def bright(image: np.ndarray) -> bool:
    return [each.kind for each in advice(image, SURE, LABELS, "strict")] == ["bright_border"]


def test_an_ordinary_image_gets_none(dataset: Dataset) -> None:
    assert advice(dataset.test_images[0, ..., 0], SURE, LABELS, "strict") == []


def test_a_negated_image_has_a_bright_border(dataset: Dataset) -> None:
    assert bright(255 - dataset.test_images[0, ..., 0])


def test_the_bright_border_warning_is_rare_on_the_training_images_and_certain_when_they_are_negated(dataset: Dataset) -> None:
    images = dataset.train_images[:10_000, ..., 0]
    assert np.mean([bright(each) for each in images]) < 0.01
    assert np.mean([bright(255 - each) for each in images]) > 0.98


@pytest.mark.parametrize("level", [0, 100, 255])
def test_a_blank_image_is_a_guess(level: int) -> None:
    [remark] = advice(np.full((28, 28), level, np.uint8), SURE, LABELS, "strict")
    assert remark.kind == "blank"
    assert remark.sentence.startswith("The image is blank")


def test_a_strange_image_is_said_to_be_one(dataset: Dataset) -> None:
    [remark] = advice(dataset.test_images[0, ..., 0], SURE, LABELS, "strict", more_familiar=0.95)
    assert remark == (
        "unfamiliar",
        "Unlike the images the model was trained on: 95 % of real ones are more familiar to it. "
        "If it shows none of the 10 classes, the answer means nothing.",
    )


@pytest.mark.parametrize(("share", "words"), [(0.95, " 95 % "), (0.999, " 99.9 % "), (0.57, " 57 % ")])
def test_the_share_has_no_digits_that_say_nothing(dataset: Dataset, share: float, words: str) -> None:
    [remark] = advice(dataset.test_images[0, ..., 0], SURE, LABELS, "garment", more_familiar=share)
    assert words in remark.sentence


@pytest.mark.parametrize(
    ("pixels", "reason"), [(np.full((28, 28), 255, np.uint8), "blank"), (255 - np.eye(28, dtype=np.uint8) * 255, "bright_border")]
)
def test_an_image_that_is_strange_for_a_known_reason_is_told_the_reason_only(pixels: np.ndarray, reason: str) -> None:
    [remark] = advice(pixels, SURE, LABELS, "strict", more_familiar=0.95)
    assert remark.kind == reason


def test_a_fitted_photo_may_be_strange_too(dataset: Dataset) -> None:
    [remark] = advice(255 - dataset.test_images[0, ..., 0], SURE, LABELS, "garment", more_familiar=0.95)
    assert remark.kind == "unfamiliar"


def test_a_strange_image_may_be_a_near_tie_as_well(dataset: Dataset) -> None:
    tie = np.array([0.5, 0.5] + [0] * 8, np.float32)
    remarks = advice(dataset.test_images[0, ..., 0], tie, LABELS, "strict", more_familiar=0.95)
    assert [each.kind for each in remarks] == ["unfamiliar", "near_tie"]


def test_a_near_tie_names_both_classes_in_order(dataset: Dataset) -> None:
    tie = np.array([0.42, 0, 0, 0, 0, 0, 0.5, 0.08, 0, 0], np.float32)
    [remark] = advice(dataset.test_images[0, ..., 0], tie, LABELS, "strict")
    assert remark == ("near_tie", "A near tie: Shirt (0.50) and T-shirt/top (0.42) are almost equally probable.")


def test_a_clear_lead_is_no_tie(dataset: Dataset) -> None:
    lead = np.array([0.44, 0, 0, 0, 0, 0, 0.56, 0, 0, 0], np.float32)
    assert advice(dataset.test_images[0, ..., 0], lead, LABELS, "strict") == []


def test_a_fitted_photo_is_not_told_to_be_fitted(dataset: Dataset) -> None:
    assert advice(255 - dataset.test_images[0, ..., 0], SURE, LABELS, "garment") == []

"""Selective classification: the curve, its area and the coverages worked out by hand, and ties that no order changes."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest

from training.evidence.selection import risk_coverage


def test_the_curve_is_that_worked_out_by_hand() -> None:
    """In order of confidence: right, wrong, right, right."""
    found = risk_coverage(np.array([0.6, 0.9, 0.7, 0.8]), np.array([True, True, True, False]))
    assert found["coverage"] == [0.25, 0.5, 0.75, 1]
    assert found["risk"] == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert found["area"] == pytest.approx(13 / 48)


def test_a_long_curve_has_a_point_for_each_percent() -> None:
    """Every tenth of 10,000 images is wrong, the first ones in order of confidence included."""
    correct = np.arange(10_000) % 10 != 0
    found = risk_coverage(-np.arange(10_000, dtype=np.float32), correct)
    assert found["coverage"] == [percent / 100 for percent in range(1, 101)]
    assert found["risk"] == pytest.approx([0.1] * 100)


@pytest.mark.parametrize("images", [1, 7, 99, 101, 250])
def test_a_short_curve_ends_with_every_image(images: int) -> None:
    correct = np.arange(images) % 3 != 0
    found = risk_coverage(np.linspace(1, 0.5, images), correct)
    coverage = np.array(found["coverage"])
    assert len(coverage) == len(found["risk"]) == min(images, 100)
    assert (np.diff(coverage) > 0).all()
    assert coverage[-1] == 1
    for share, risk in zip(coverage, found["risk"], strict=True):
        answered = round(share * images)
        assert share * images == pytest.approx(answered)
        assert risk == pytest.approx(1 - correct[:answered].mean())


@pytest.mark.parametrize("images", [100, 150, 250])
def test_each_point_answers_the_fewest_images_that_make_its_percent(images: int) -> None:
    found = risk_coverage(np.linspace(1, 0.5, images), np.ones(images, np.bool_))
    answered = [round(share * images) for share in found["coverage"]]
    assert len(answered) == 100
    assert all(100 * (count - 1) < percent * images <= 100 * count for percent, count in enumerate(answered, 1))


def test_an_oracle_has_the_least_area_there_is() -> None:
    """With all mistakes last it is e + (1 - e) log(1 - e) for an error rate e (Geifman et al. 2019)."""
    found = risk_coverage(np.linspace(1, 0, 20_000), np.arange(20_000) < 18_000)
    assert found["area"] == pytest.approx(0.1 + 0.9 * math.log(0.9), rel=0.01)
    assert [each["coverage"] for each in found["largest_coverage"]] == pytest.approx(
        [0.9 / (1 - rate) for rate in (0.01, 0.02, 0.05)], abs=1e-4
    )


def test_ties_count_as_the_mean_of_all_their_orders() -> None:
    confidence = np.array([0.5, 0.2, 0.5, 0.5, 0.9, 0.9], np.float32)
    correct = np.array([True, True, False, False, True, False])
    risks = [
        np.cumsum([not correct[index] for index in (*first, *middle, 1)]) / np.arange(1, 7)
        for first in itertools.permutations((4, 5))
        for middle in itertools.permutations((0, 2, 3))
    ]
    found = risk_coverage(confidence, correct)
    assert found["risk"] == pytest.approx(np.mean(risks, axis=0))
    assert found["area"] == pytest.approx(np.mean(risks))


def test_the_images_order_changes_nothing() -> None:
    generator = np.random.default_rng(5)
    confidence = generator.integers(0, 20, 1000) / 20
    correct = generator.random(1000) < confidence
    found = risk_coverage(confidence, correct)
    for _ in range(3):
        order = generator.permutation(1000)
        assert risk_coverage(confidence[order], correct[order]) == found


def test_the_largest_coverage_is_the_last_threshold_within_the_error_rate() -> None:
    """One mistake at the 50th image: 2 % of 50 just fit, 1 % fit again at 100; a second at the 101st, and all later ones."""
    correct = np.arange(200) < 100
    correct[49] = False
    found = risk_coverage(np.linspace(1, 0, 200), correct)
    assert found["largest_coverage"] == [
        {"error_rate": 0.01, "coverage": 100 / 200},
        {"error_rate": 0.02, "coverage": 101 / 200},
        {"error_rate": 0.05, "coverage": 104 / 200},
    ]


def test_a_threshold_takes_equal_confidences_together() -> None:
    """Four hundred images of confidence 1 with 4 % mistakes: half of them is no coverage that a threshold has."""
    correct = np.ones(1000, np.bool_)
    correct[:16] = False
    correct[400:] = False
    confidence = np.where(np.arange(1000) < 400, 1.0, 0.5)
    found = risk_coverage(confidence, correct)
    assert [each["coverage"] for each in found["largest_coverage"]] == [0, 0, 0.4]


def test_without_a_confident_right_answer_no_coverage_is_reached() -> None:
    found = risk_coverage(np.array([0.9, 0.8, 0.7]), np.zeros(3, np.bool_))
    assert found["largest_coverage"] == [{"error_rate": rate, "coverage": 0.0} for rate in (0.01, 0.02, 0.05)]
    assert found["area"] == 1


def test_without_a_mistake_every_image_is_covered() -> None:
    found = risk_coverage(np.array([0.9, 0.8, 0.7]), np.ones(3, np.bool_))
    assert [each["coverage"] for each in found["largest_coverage"]] == [1, 1, 1]
    assert found["area"] == 0


def test_the_figures_are_json() -> None:
    found = risk_coverage(np.array([0.9, 0.8, 0.8], np.float32), np.array([True, False, True]))
    assert json.loads(json.dumps(found, allow_nan=False)) == found

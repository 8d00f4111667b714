from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from app import tensors
from app.errors import MalformedRequestError
from tests import data

IMAGES, _ = data.load()


def test_every_form_gives_the_same_images() -> None:
    some = IMAGES[:3]
    for read in (
        tensors.of_bytes(some.tobytes()),
        tensors.of_values(some.ravel().tolist()),
        tensors.of_values(some.tolist()),
        np.concatenate([tensors.image_of_values(each.tolist()) for each in some]),
    ):
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, some)


def nested(value: object) -> list[Any]:
    return [[[0] for _ in range(28)] for _ in range(27)] + [[[0] for _ in range(27)] + [[value]]]


@pytest.mark.parametrize("value", [256, -1, 1.5, 10**30, None, "0", [], {}, float("nan")])
def test_a_pixel_of_another_type_or_range(value: object) -> None:
    with pytest.raises(MalformedRequestError, match="not of expected type uint8: a whole number from 0 to 255"):
        tensors.of_values([*[0] * 783, value])
    with pytest.raises(MalformedRequestError, match="not of expected type uint8: a whole number from 0 to 255"):
        tensors.image_of_values(nested(value))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([[0] * 28] * 28, r"the shape \[28, 28\]"),
        ([[[0]] * 28] * 27, r"the shape \[27, 28, 1\]"),
        ([[[0]] * 28] * 27 + [[[0]] * 27], "rows of unequal length"),
        ([[[0]] * 28] * 27 + [7], "rows of unequal length"),
        ([[[0, 0]] * 28] * 28, r"the shape \[28, 28, 2\]"),
        ([0] * 784, r"the shape \[784\]"),
        ([], r"the shape \[0\]"),
        (7, r"the shape \[\]"),
        ("a" * 28, r"the shape \[\]"),
        (None, r"the shape \[\]"),
        ({"a": 1}, r"the shape \[\]"),
        ([[[[[[[[[[]]]]]]]]]], r"the shape \[1, 1, 1, 1, 1, 1, 1, 1\]"),
    ],
)
def test_an_image_of_another_shape(values: object, words: str) -> None:
    with pytest.raises(MalformedRequestError, match=words) as error:
        tensors.image_of_values(values)
    assert "must have [28, 28, 1]" in str(error.value)


@pytest.mark.parametrize("count", [0, 1, 783, 785])
def test_pixels_that_are_no_whole_images(count: int) -> None:
    words = f"has {count} bytes and must have 784 for each image, one at least"
    with pytest.raises(MalformedRequestError, match=words):
        tensors.of_bytes(bytes(count))
    with pytest.raises(MalformedRequestError, match=words):
        tensors.of_values([0] * count)

"""Tensors that a client sends, as JSON values or as bytes, to the images that a model takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from app.errors import MalformedRequestError, shown
from app.garment import SIDE
from app.runtime import Images

INPUT = "image"
"""The only input of every model's signature."""
IMAGE_SHAPE = (SIDE, SIDE, 1)
IMAGE_BYTES = math.prod(IMAGE_SHAPE)


def of_bytes(content: bytes | memoryview) -> Images:
    """Raw pixels, a byte each, row by row, as uint8 `[n, 28, 28, 1]`.

    Raises:
        MalformedRequestError: They are not one or more whole images.
    """
    if not content or len(content) % IMAGE_BYTES:
        raise MalformedRequestError(f"The tensor has {len(content)} bytes and must have {IMAGE_BYTES} for each image, one at least.")
    return np.frombuffer(content, np.uint8).reshape(-1, *IMAGE_SHAPE)


def of_values(values: Sequence[Any]) -> Images:
    """Pixels as JSON has them, one flat list or nested as deep as the shape says, as uint8 `[n, 28, 28, 1]`.

    Raises:
        MalformedRequestError: They are of another type, range or shape.
    """
    if values and isinstance(values[0], list):
        return np.concatenate([image_of_values(each) for each in values])
    return of_bytes(_pixels(values))


def image_of_values(values: Any) -> Images:
    """One image, nested as deep as its shape says, as uint8 `[1, 28, 28, 1]`.

    Raises:
        MalformedRequestError: It is of another type, range or shape.
    """
    try:
        rows = [[pixel for [pixel] in row] for row in values]
    except (TypeError, ValueError):  # no list where one should be, or of another length
        rows = []
    if [len(row) for row in rows] != [SIDE] * SIDE:
        shape = _shape(values)
        of = "rows of unequal length" if shape == list(IMAGE_SHAPE) else f"the shape {shape}"
        raise MalformedRequestError(f"An image has {of} and must have {list(IMAGE_SHAPE)}: rows, columns, and a grey level.")
    return of_bytes(_pixels([pixel for row in rows for pixel in row]))


def _pixels(values: Sequence[Any]) -> bytes:
    """The values as bytes, which sees to their type and range, and takes a fifth of the time that NumPy would."""
    try:
        return bytes(values)
    except (TypeError, ValueError):
        wrong = next(each for each in values if not isinstance(each, int) or not 0 <= each <= 255)
        raise MalformedRequestError(f"The pixel {shown(wrong)} is not of expected type uint8: a whole number from 0 to 255.") from None


def _shape(values: Any) -> list[int]:
    """Of nested lists, as far as the first element of each says."""
    lengths: list[int] = []
    while isinstance(values, list) and len(lengths) < 8:
        lengths.append(len(values))
        values = values[0] if values else None
    return lengths

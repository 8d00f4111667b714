"""A Parquet column's values as pixels, by the column's type."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from training.scoring.pictures import PIXELS, PictureError, decode, format_of

TYPES = f"binary, a struct of bytes and path, or {PIXELS} uint8 in a fixed-size binary or a list"

Pixels = npt.NDArray[np.uint8]


def may_be_images(kind: pa.DataType) -> bool:
    """Whether a column of this type can hold images."""
    return (
        _is_binary(kind)
        or _is_numbers(kind)
        or (pa.types.is_struct(kind) and "bytes" in kind.names and _is_binary(kind.field("bytes").type))
    )


def has_paths(kind: pa.DataType) -> bool:
    """Whether its images have names."""
    return pa.types.is_struct(kind) and "path" in kind.names and kind.field("path").type in (pa.string(), pa.large_string())


def fill(images: Pixels, array: pa.Array) -> dict[int, str]:
    """Put the rows of `array` into `images`, uint8 `[n, 784]`; the errors of those that hold none, by row."""
    if (pixels := _all_pixels(array)) is not None:
        images[:] = pixels
        return {}
    errors = {}
    for row, value in enumerate(array):
        try:
            images[row] = _pixels(value.as_py(), raw=not _is_variable(array.type))
        except PictureError as error:
            errors[row] = str(error)
    return errors


def _all_pixels(array: pa.Array) -> Pixels | None:
    """The rows at once, uint8 `[n, 784]`, where each is 784 raw pixels."""
    if array.null_count or _is_variable(array.type):
        return None
    if pa.types.is_fixed_size_binary(array.type):
        return np.frombuffer(array.buffers()[1], np.uint8, len(array) * PIXELS, array.offset * PIXELS).reshape(-1, PIXELS)
    values = array.flatten()
    if values.null_count or any(length != PIXELS for length in array.value_lengths().unique().to_pylist()):
        return None
    return values.to_numpy().reshape(-1, PIXELS)  # type: ignore[no-any-return]  # pyarrow ships no types


def _pixels(value: bytes | Sequence[int | None] | None, raw: bool) -> Pixels:
    if value is None:
        raise PictureError("The row has no image: it is null.")
    if isinstance(value, bytes):
        # raw pixels have no signature; a picture of a garment hardly ever begins with that of an image file
        raw = raw or (len(value) == PIXELS and format_of(value) is None)
        return np.frombuffer(value if raw else decode(value), np.uint8)
    there = [each for each in value if each is not None]
    if len(there) != PIXELS or len(value) != PIXELS:
        raise PictureError(f"The row has {len(there):,} pixels and must have {PIXELS}.")
    return np.array(there, np.uint8)


def _is_binary(kind: pa.DataType) -> bool:
    return _is_variable(kind) or kind == pa.binary(PIXELS)


def _is_variable(kind: pa.DataType) -> bool:
    return kind in (pa.binary(), pa.large_binary(), pa.binary_view())


def _is_numbers(kind: pa.DataType) -> bool:
    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    return any(is_one(kind) for is_one in lists) and kind.value_type == pa.uint8() and getattr(kind, "list_size", PIXELS) == PIXELS

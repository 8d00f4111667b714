"""Parquet files of images: encoded ones, alone or in Hugging Face's struct of `bytes` and `path`, or rows of 784 pixels."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator
from itertools import accumulate
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from training.errors import TrainingError
from training.scoring.pictures import PIXELS, SIDE
from training.scoring.pixel_columns import TYPES, fill, has_paths, may_be_images
from training.scoring.source import Block, fingerprint_of, unreadable

USUAL_COLUMNS = ("image", "pixels")
"""Looked for in this order where no column is named; then the only column that can be images is taken."""
STEP = 1024
"""Rows that are decoded from Parquet at a time."""
BUFFER_BYTES = 1024 * 1024
"""Read ahead of a column, instead of all of it in a row group."""


class ParquetInput:
    """One or more Parquet files with the same column of images, row after row.

    Raises:
        TrainingError: A file is none or damaged, or has no such column; the message names those there are.
    """

    def __init__(self, files: list[Path], column: str | None) -> None:
        self._files = files
        counts, types = [], set()
        for path in files:
            with _opened(path) as file:
                self._column = _chosen(path, file.schema_arrow, column)
                column = self._column  # of the first file; the others must have it too
                types.add(kind := file.schema_arrow.field(column).type)
                if not may_be_images(kind):
                    raise TrainingError(f"the column {column!r} of {path} is {kind}: {TYPES} is needed", 2)
                counts.append(file.metadata.num_rows)
        self._has_paths = all(has_paths(each) for each in types)
        self._ends = list(accumulate(counts))
        self.rows = self._ends[-1]
        self.fingerprint = f"{fingerprint_of(files)} {self._column}"
        self._next_row = 0
        self._arrays: Generator[pa.Array] | None = None
        self._rest: pa.Array | None = None

    def read(self, start: int, stop: int) -> Block:
        if self._arrays is None or start != self._next_row:
            self._arrays, self._rest = self._stream(start), None
        block = Block(np.zeros((stop - start, SIDE, SIDE, 1), np.uint8), [] if self._has_paths else None)
        images, filled = block.images.reshape(-1, PIXELS), 0
        while filled < len(images):
            array = self._rest if self._rest is not None and len(self._rest) else next(self._arrays, None)
            if array is None:
                raise TrainingError(f"{self._files[-1]} has fewer rows than its footer says: it is damaged, write it again", 2)
            now, self._rest = array[: len(images) - filled], array[len(images) - filled :]
            if block.paths is not None:
                block.paths.extend(_texts(pc.struct_field(now, "path")))
            encoded = pc.struct_field(now, "bytes") if pa.types.is_struct(now.type) else now
            errors = fill(images[filled : filled + len(now)], encoded)
            block.errors.update({filled + place: error for place, error in errors.items()})
            filled += len(now)
        self._next_row = stop
        return block

    def close(self) -> None:
        if self._arrays is not None:
            self._arrays.close()

    def _stream(self, start: int) -> Generator[pa.Array]:
        """The column from row `start` on, a few rows at a time; row groups before it are passed over unread."""
        first = bisect_right(self._ends, start)
        skipped = start - (self._ends[first - 1] if first else 0)
        for path in self._files[first:]:
            with _opened(path) as file:
                groups = list(range(file.num_row_groups))
                while groups and skipped >= (rows := file.metadata.row_group(groups[0]).num_rows):
                    skipped -= rows
                    groups.pop(0)
                try:
                    for batch in file.iter_batches(STEP, groups, [self._column], use_threads=False):
                        if skipped < len(batch):
                            yield batch.column(self._column)[skipped:]
                        skipped = max(0, skipped - len(batch))
                except (OSError, pa.ArrowException) as error:
                    raise _damaged(path, error) from error


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, buffer_size=BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True)
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> TrainingError:
    return TrainingError(f"{path} is no whole Parquet file ({str(error).splitlines()[0]}): write it again", 2)


def _chosen(path: Path, schema: pa.Schema, column: str | None) -> str:
    """The column of images: the one that was named, one of the usual names, or the only one that can be."""
    there = ", ".join(f"{field.name} ({field.type})" for field in schema) or "none"
    if column is not None:
        if schema.names.count(column) != 1:
            raise TrainingError(f"{path} has no single column named {column!r}: its columns are {there}", 2)
        return column
    possible: list[str] = [field.name for field in schema if may_be_images(field.type) and schema.names.count(field.name) == 1]
    for name in USUAL_COLUMNS:
        if name in possible:
            return name
    if len(possible) != 1:
        raise TrainingError(
            f"{path} has {len(possible) or 'no'} columns that may be images ({TYPES}): name one of {there} with --column", 2
        )
    return possible[0]


def _texts(array: pa.Array) -> list[str | None]:
    """What a file calls text may be any bytes."""
    return [None if each is None else each.decode(errors="backslashreplace") for each in array.cast(pa.large_binary()).to_pylist()]

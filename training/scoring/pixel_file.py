"""Pixels in one file: IDX, gzipped or not, and NumPy's NPY.

Rows are read into memory block by block. A mapped file would take no less time, count as this process's memory, and end the process
where the file is cut short meanwhile. Nothing is ever unpickled.
"""

from __future__ import annotations

import gzip
import math
import zlib
from io import FileIO
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.lib.format as npy

from training.errors import TrainingError
from training.scoring.pictures import PIXELS, SIDE
from training.scoring.source import Block, fingerprint_of, unreadable

IDX_MAGIC = b"\x00\x00\x08\x03"
"""Unsigned bytes in three dimensions; the sizes follow, big-endian."""
NPY_MAGIC = b"\x93NUMPY"
GZIP_MAGIC = b"\x1f\x8b"
Stream = gzip.GzipFile | FileIO
SHAPES = f"[n, {SIDE}, {SIDE}] or [n, {SIDE}, {SIDE}, 1]"


class PixelFile:
    """An IDX or NPY file of 28x28 images.

    Raises:
        TrainingError: It is not such a file, holds something else, or is shorter or longer than its header says.
    """

    def __init__(self, path: Path, form: Literal["idx", "npy"], gzipped: bool = False) -> None:
        self._path, self._gzipped = path, gzipped
        self._stream: Stream | None = None
        self.fingerprint = fingerprint_of([path])
        try:
            with self._open() as stream:
                self.rows = self._idx_rows(stream) if form == "idx" else self._npy_rows(stream)
                self._offset = stream.tell()
            size = None if gzipped else path.stat().st_size
        except (OSError, EOFError, zlib.error) as error:
            raise self._damaged(error) from error
        expected = self._offset + self.rows * PIXELS
        if size is not None and size != expected:
            raise TrainingError(f"{path} has {size:,} bytes, and {expected:,} by its header: it is damaged or cut short, get it again", 2)

    def read(self, start: int, stop: int) -> Block:
        images = np.empty((stop - start, SIDE, SIDE, 1), np.uint8)
        try:
            if self._stream is None:
                self._stream = self._open()
            self._stream.seek(self._offset + start * PIXELS)  # in a gzipped file forward by unpacking
            got, wanted = _fill(images.data.cast("B"), self._stream), images.size
            surplus = self._gzipped and stop == self.rows and got == wanted and self._stream.read(1)
        except (OSError, EOFError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
            raise self._damaged(error) from error
        if got < wanted:
            raise TrainingError(f"{self._path} ends in row {start + got // PIXELS:,} of {self.rows:,}: it is cut short, get it again", 2)
        if surplus:
            raise TrainingError(f"{self._path} goes on after the {self.rows:,} rows of its header: it is damaged, get it again", 2)
        return Block(images)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()

    def _open(self) -> Stream:
        return gzip.open(self._path) if self._gzipped else self._path.open("rb", buffering=0)

    def _idx_rows(self, stream: Stream) -> int:
        header = stream.read(16)
        if len(header) < 16 or not header.startswith(IDX_MAGIC):
            raise TrainingError(
                f"{self._path} is no IDX file of images: it begins with {header[:4].hex(' ') or 'nothing'} instead of {IDX_MAGIC.hex(' ')}",
                2,
            )
        rows, height, width = (int(each) for each in np.frombuffer(header, ">u4", offset=4))
        if (height, width) != (SIDE, SIDE):
            raise TrainingError(f"{self._path} holds images of {width}x{height}, and {SIDE}x{SIDE} are needed: resize them", 2)
        return rows

    def _npy_rows(self, stream: Stream) -> int:
        try:
            version = npy.read_magic(stream)
            read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, fortran, dtype = read_header(stream)
        except ValueError as error:
            raise TrainingError(f"{self._path} is no NPY file ({str(error).splitlines()[0]}): save the images by numpy.save", 2) from error
        if dtype != np.uint8 or fortran or len(shape) not in (3, 4) or shape[1:3] != (SIDE, SIDE) or math.prod(shape[3:]) != 1:
            order = " in Fortran's order" if fortran else ""
            raise TrainingError(f"{self._path} holds {dtype} of shape {list(shape)}{order}: uint8 {SHAPES} in C's order is needed", 2)
        return int(shape[0])

    def _damaged(self, error: Exception) -> TrainingError:
        if isinstance(error, OSError) and error.errno:
            return unreadable(self._path, error)
        return TrainingError(f"{self._path} can't be unpacked ({error}): it is damaged or cut short, get it again", 2)


def _fill(view: memoryview, stream: Stream) -> int:
    """Read until `view` is full or the stream ends; how many bytes there were."""
    got = 0
    while got < len(view) and (more := stream.readinto(view[got:])):
        got += more
    return got

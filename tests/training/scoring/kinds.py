"""The same images in every kind of input."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from tests.conftest import png
from tests.training.scoring.conftest import Images


def idx(images: Images) -> bytes:
    return struct.pack(">IIII", 0x803, *images.shape) + images.tobytes()


def as_npy(path: Path, images: npt.NDArray[Any]) -> None:
    with path.open("wb") as stream:  # or NumPy adds a suffix
        np.save(stream, images)


def as_npy_of_four_dimensions(path: Path, images: Images) -> None:
    as_npy(path, images[..., np.newaxis])


def as_idx(path: Path, images: Images) -> None:
    path.write_bytes(idx(images))


def as_gzipped_idx(path: Path, images: Images) -> None:
    path.write_bytes(gzip.compress(idx(images)))


def parquet(path: Path, column: pa.Array, name: str = "image") -> None:
    numbers = pa.array(range(len(column)))
    table = pa.table({"number": numbers, name: column, "text": numbers.cast(pa.string())})
    pq.write_table(table, path, row_group_size=130, use_dictionary=False, write_page_checksum=True)


def rows(images: Images) -> list[bytes]:
    return [each.tobytes() for each in images]


def as_parquet_of_pixels(path: Path, images: Images) -> None:
    parquet(path, pa.array(rows(images), pa.binary(784)), "pixels")


def as_parquet_of_numbers(path: Path, images: Images) -> None:
    parquet(path, pa.array([list(each) for each in rows(images)], pa.list_(pa.uint8(), 784)), "only")


def as_parquet_of_lists(path: Path, images: Images) -> None:
    parquet(path, pa.array([list(each) for each in rows(images)], pa.large_list(pa.uint8())))


def as_parquet_of_raw_binary(path: Path, images: Images) -> None:
    parquet(path, pa.array(rows(images), pa.binary()))


def as_parquet_of_pngs(path: Path, images: Images) -> None:
    parquet(path, pa.array([png(each) for each in images], pa.large_binary()))


def as_hugging_faces_parquet(path: Path, images: Images) -> None:
    parquet(path, pa.array([{"bytes": png(each), "path": f"{number}.png"} for number, each in enumerate(images)]))


def as_folder_of_parquet(path: Path, images: Images) -> None:
    for number in range(3):
        folder = path / f"part={number}"
        folder.mkdir(parents=True)
        (folder / "_SUCCESS").touch()
        as_parquet_of_pngs(folder / "0.parquet", images[100 * number : 100 * (number + 1)])


def as_folder_of_images(path: Path, images: Images) -> None:
    path.mkdir()
    for number, each in enumerate(images):
        (path / f"{number:03}.png").write_bytes(png(each))


Kind = Callable[[Path, Images], None]
KINDS: list[Kind] = [
    as_npy,
    as_npy_of_four_dimensions,
    as_idx,
    as_gzipped_idx,
    as_parquet_of_pixels,
    as_parquet_of_numbers,
    as_parquet_of_lists,
    as_parquet_of_raw_binary,
    as_parquet_of_pngs,
    as_hugging_faces_parquet,
    as_folder_of_parquet,
    as_folder_of_images,
]

"""The real Fashion-MNIST data: where it lies, whether it is intact, and its arrays."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError

NAME = "Fashion-MNIST"
LABELS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# MD5 of each file's content. Zalando's archives (8d4fb7e6…, 25c81989…, bef4ecab…, bb300cfd…) and
# Debian's hold the same compressed stream under different gzip headers, so the archives' own sums
# differ while these agree; tests/training/test_data.py rebuilds Zalando's archives to show it.
CONTENT_MD5 = {
    "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
    "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
    "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
    "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
}
DEBIAN_DIR = Path("/usr/share/datasets/fashion-mnist")
WAYS = (
    "name a folder that holds the four *-ubyte.gz files with --data or WARDROBE_DATA_DIR; "
    "or, on Debian, run `apt-get install dataset-fashion-mnist`; "
    "or connect to the internet once, so that Keras can download it to its cache"
)


@dataclass(frozen=True)
class Dataset:
    """Images are uint8 `[n, 28, 28, 1]`, 0-255; labels are uint8 `[n]`, 0-9."""

    train_images: npt.NDArray[np.uint8]
    train_labels: npt.NDArray[np.uint8]
    test_images: npt.NDArray[np.uint8]
    test_labels: npt.NDArray[np.uint8]

    def limited(self, train_images: int) -> Dataset:
        """The same data with only the first `train_images` for training; the test set stays whole."""
        return Dataset(
            self.train_images[:train_images],
            self.train_labels[:train_images],
            self.test_images,
            self.test_labels,
        )


def load(folder: Path | None = None) -> Dataset:
    """Load and verify the data set.

    Args:
        folder: Where the four IDX files lie, gzipped or not. By default WARDROBE_DATA_DIR, Debian's
            package, Keras's cache and Keras's download are tried in this order.

    Raises:
        TrainingError: No copy is found, or the copy found is damaged.
    """
    folder = folder or locate()
    content = {name: _read(folder, name) for name in CONTENT_MD5}
    arrays = [_parse(content[name], images="images" in name) for name in CONTENT_MD5]
    return Dataset(*arrays)


def locate() -> Path:
    """The first folder that holds the data, downloading it with Keras when no folder does.

    Raises:
        TrainingError: WARDROBE_DATA_DIR lacks a file, or there is no copy and no download.
    """
    if configured := os.environ.get("WARDROBE_DATA_DIR"):
        return Path(configured)
    cache = keras_cache()
    for folder in (DEBIAN_DIR, cache):
        if all(_file(folder, name) for name in CONTENT_MD5):
            return folder
    return _download(cache)


def keras_cache() -> Path:
    """Where Keras keeps this data set, by its own rule, which it has no public name for."""
    home = Path.home() if os.access(Path.home(), os.W_OK) else Path("/tmp")  # noqa: S108
    return Path(os.environ.get("KERAS_HOME", home / ".keras")) / "datasets" / "fashion-mnist"


def _download(cache: Path) -> Path:
    import keras  # slow to import, and needed only where there is no copy of the data

    try:
        keras.datasets.fashion_mnist.load_data()
    except Exception as error:  # Keras raises whatever its HTTP and file layers raise
        raise TrainingError(f"no copy of {NAME} on this machine, and Keras could not download it ({error}): {WAYS}") from error
    return cache


def _file(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / f"{name}.gz", folder / name) if p.is_file()), None)


def _read(folder: Path, name: str) -> bytes:
    path = _file(folder, name)
    if path is None:
        raise TrainingError(f"{folder} has neither {name}.gz nor {name}: {WAYS}")
    try:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
        raise TrainingError(f"{path} can't be read ({error}): replace the file, or {WAYS}") from error
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != CONTENT_MD5[name]:
        raise TrainingError(
            f"{path} is damaged or not {NAME} (content MD5 {found}, expected {CONTENT_MD5[name]}): replace the file, or {WAYS}"
        )
    return content


def _parse(content: bytes, images: bool) -> npt.NDArray[np.uint8]:
    """IDX: a big-endian header of 4 bytes plus 4 per dimension, then the values; the checksum vouches for it."""
    values = np.frombuffer(content, np.uint8, offset=16 if images else 8)
    return values.reshape(-1, 28, 28, 1) if images else values


def one_hot(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Float32 `[n, 10]` of labels `[n]`."""
    return np.eye(len(LABELS), dtype=np.float32)[labels]

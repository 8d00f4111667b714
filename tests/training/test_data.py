"""The data: it is Zalando's, whichever archive it came in, and a copy that is missing or damaged is named with the ways to a good one."""

from __future__ import annotations

import gzip
import hashlib
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import ENVIRONMENT, LONGEST, REPOSITORY
from training import data
from training.data import CONTENT_MD5, LABELS, Dataset, keras_cache, load, locate, one_hot
from training.errors import TrainingError

TEST_LABELS = "t10k-labels-idx1-ubyte"
ZALANDO = {
    "train-images-idx3-ubyte": ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 1504176606),
    "train-labels-idx1-ubyte": ("25c81989df183df01b3e8a0aad5dffbe", 1504176606),
    "t10k-images-idx3-ubyte": ("bef4ecab320f06d8554ea6380940ec79", 1504176627),
    "t10k-labels-idx1-ubyte": ("bb300cfdad3c16e7a12a480ee83cd310", 1504176627),
}
"""MD5 and time of Zalando's own archives, as the design names them."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of links to the real archives, each to be replaced by a test."""
    for name in CONTENT_MD5:
        (tmp_path / f"{name}.gz").symlink_to(locate() / f"{name}.gz")
    return tmp_path


def replaced(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return path


def assert_names_the_three_ways(message: str) -> None:
    for way in ("--data or WARDROBE_DATA_DIR", "`apt-get install dataset-fashion-mnist`", "connect to the internet"):
        assert way in message


def failure(folder: Path | None) -> str:
    with pytest.raises(TrainingError) as caught:
        load(folder)
    assert caught.value.exit_status == 1
    assert_names_the_three_ways(str(caught.value))
    return str(caught.value)


def test_sizes_types_and_classes_are_those_of_the_real_data(dataset: Dataset) -> None:
    assert dataset.train_images.shape == (60_000, 28, 28, 1)
    assert dataset.test_images.shape == (10_000, 28, 28, 1)
    for images, labels, each in (
        (dataset.train_images, dataset.train_labels, 6000),
        (dataset.test_images, dataset.test_labels, 1000),
    ):
        assert images.dtype == labels.dtype == np.uint8
        assert (images.min(), images.max()) == (0, 255)
        assert np.bincount(labels).tolist() == [each] * len(LABELS)


def test_the_first_training_image_is_an_ankle_boot_seen_upright(dataset: Dataset) -> None:
    assert LABELS[dataset.train_labels[0]] == "Ankle boot"
    rows = dataset.train_images[0].sum(axis=(1, 2), dtype=int)
    assert rows[:3].sum() == 0
    assert rows[20:25].sum() > rows[3:8].sum() * 3  # the sole is at the bottom


@pytest.mark.parametrize("name", ZALANDO)
def test_our_checksums_mean_zalandos_archives(name: str) -> None:
    archive = (locate() / f"{name}.gz").read_bytes()
    stream = archive.index(0, 10) + 1 if archive[3] & 8 else 10  # behind the header, which may hold a name
    md5, time = ZALANDO[name]
    zalandos = b"\x1f\x8b\x08\x08" + time.to_bytes(4, "little") + archive[8:9] + b"\x03" + name.encode() + b"\0" + archive[stream:]
    assert hashlib.md5(zalandos).hexdigest() == md5
    assert hashlib.md5(gzip.decompress(zalandos)).hexdigest() == CONTENT_MD5[name]


def test_a_limit_takes_the_first_training_images_and_the_whole_test_set(dataset: Dataset) -> None:
    limited = dataset.limited(7)
    assert (limited.train_images == dataset.train_images[:7]).all()
    assert (limited.train_labels == dataset.train_labels[:7]).all()
    assert limited.test_images is dataset.test_images
    assert limited.test_labels is dataset.test_labels


def test_uncompressed_files_do_as_well(folder: Path, dataset: Dataset) -> None:
    for name in ("train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", TEST_LABELS):
        archive = folder / f"{name}.gz"
        replaced(folder, name, gzip.decompress(archive.read_bytes()))
        archive.unlink()
    loaded = load(folder)
    assert (loaded.train_labels == dataset.train_labels).all()
    assert (loaded.test_images == dataset.test_images).all()
    assert (loaded.test_labels == dataset.test_labels).all()


def test_a_changed_pixel_is_found(folder: Path) -> None:
    name = "t10k-images-idx3-ubyte"
    content = bytearray(gzip.decompress((folder / f"{name}.gz").read_bytes()))
    content[5_000_000] ^= 1
    path = replaced(folder, f"{name}.gz", gzip.compress(content, 1))
    message = failure(folder)
    assert f"{path} is damaged" in message
    assert hashlib.md5(content).hexdigest() in message


@pytest.mark.parametrize("position", [0, 2, 2000, -6], ids=["magic", "method", "middle", "checksum"])
def test_a_flipped_byte_in_an_archive_is_found(folder: Path, position: int) -> None:
    archive = bytearray((folder / f"{TEST_LABELS}.gz").read_bytes())
    archive[position] ^= 0b10000
    path = replaced(folder, f"{TEST_LABELS}.gz", bytes(archive))
    assert str(path) in failure(folder)


def test_a_truncated_archive_is_found(folder: Path) -> None:
    archive = (folder / f"{TEST_LABELS}.gz").read_bytes()
    path = replaced(folder, f"{TEST_LABELS}.gz", archive[:-1000])
    assert f"{path} can't be read" in failure(folder)


@pytest.mark.parametrize("content", [b"", b"<html>404 Not Found</html>"], ids=["empty", "page"])
def test_a_file_that_is_no_archive_is_found(folder: Path, content: bytes) -> None:
    path = replaced(folder, f"{TEST_LABELS}.gz", content)
    assert str(path) in failure(folder)


def test_the_right_file_under_the_wrong_name_is_found(folder: Path) -> None:
    path = replaced(folder, f"{TEST_LABELS}.gz", (folder / "train-labels-idx1-ubyte.gz").read_bytes())
    assert f"{path} is damaged or not Fashion-MNIST" in failure(folder)


@pytest.mark.parametrize("name", CONTENT_MD5)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / f"{name}.gz").unlink()
    assert f"{folder} has neither {name}.gz nor {name}" in failure(folder)


def test_the_environment_names_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDROBE_DATA_DIR", str(folder))
    assert locate() == folder


def test_an_environment_that_points_nowhere_is_no_reason_to_look_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDROBE_DATA_DIR", str(tmp_path / "nowhere"))
    assert f"{tmp_path / 'nowhere'} has neither train-images-idx3-ubyte.gz" in failure(None)


def test_without_debians_package_keras_cache_is_used(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keras_home = tmp_path / "keras"
    (keras_home / "datasets").mkdir(parents=True)
    (keras_home / "datasets" / "fashion-mnist").symlink_to(folder)
    monkeypatch.delenv("WARDROBE_DATA_DIR", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(keras_home))
    monkeypatch.setattr(data, "DEBIAN_DIR", tmp_path / "nowhere")
    assert locate() == keras_home / "datasets" / "fashion-mnist"


def test_without_a_home_the_cache_is_keras_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nowhere"))
    assert keras_cache() == Path("/tmp/.keras/datasets/fashion-mnist")  # noqa: S108


def test_no_copy_and_no_download_is_an_answer_and_what_keras_has_downloaded_is_found(folder: Path, tmp_path: Path) -> None:
    """Every download fails at once, as the proxy is a port that was just free; then Keras finds its cache filled, as after a download."""
    program = """
import sys
from pathlib import Path
from training import data, errors
data.DEBIAN_DIR = Path("/nonexistent")
try:
    data.load()
except errors.TrainingError as error:
    print("answer:", error.exit_status, error)
cache = data.keras_cache()
cache.rmdir()
cache.symlink_to(sys.argv[1])
print("cache:", data._download(cache))
"""
    home = tmp_path / "home"
    home.mkdir()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
    kept = {name: value for name, value in ENVIRONMENT.items() if name.lower() not in {"no_proxy", "keras_home", "wardrobe_data_dir"}}
    done = subprocess.run(
        [sys.executable, "-c", program, folder],
        cwd=REPOSITORY,
        env=kept | {"HOME": str(home), "https_proxy": proxy, "HTTPS_PROXY": proxy},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if line.startswith(("answer", "cache")))
    assert said["answer"].startswith("1 no copy of Fashion-MNIST on this machine, and Keras could not download it (")
    assert_names_the_three_ways(said["answer"])
    assert said["cache"] == str(home / ".keras" / "datasets" / "fashion-mnist")


def test_one_hot_has_a_one_at_the_label() -> None:
    assert one_hot(np.array([2, 0], np.uint8)).tolist() == [[0, 0, 1, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]]
    assert one_hot(np.array([1], np.uint8)).dtype == np.float32

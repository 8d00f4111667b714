"""Image files are decoded as the service's strict fit does; a bad one is a row with its error, and the others are answered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from app import images as service
from app.errors import RequestError
from tests.conftest import png
from tests.reliability.bombs import at_a_limit, claims, too_many, zipped_text
from tests.reliability.corpus import boot, encoded, pictures
from tests.training.scoring.conftest import Images, Score
from training.scoring.pictures import MOST_BYTES, PictureError, decode

LIMIT = 50_000_000


def by_the_service(content: bytes) -> bytes | None:
    """The pixels, none where it refuses."""
    try:
        return service.decode(content, "strict", LIMIT).pixels.tobytes()
    except RequestError:
        return None


def offline(content: bytes) -> bytes | None:
    try:
        return decode(content)
    except PictureError:
        return None


def particular() -> dict[str, bytes]:
    """More than the pictures that attacks start from: turned ones, and a 16-bit one with a transparent level."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter
    deep = Image.fromarray(np.asarray(boot()).astype(np.uint16) * 256 + 255)
    return {
        "turned.jpg": encoded(boot(), "JPEG", exif=exif),
        "turned.png": encoded(boot(), "PNG", exif=exif),
        "turned.webp": encoded(boot().convert("RGB"), "WEBP", exif=exif),
        "16-bit transparent.png": encoded(deep, "PNG", transparency=int(np.asarray(deep).max())),
    }


@pytest.mark.parametrize("content", (pictures() | particular()).values(), ids=pictures() | particular())
def test_a_picture_has_the_services_pixels(content: bytes) -> None:
    expected = by_the_service(content)
    assert expected is not None
    assert offline(content) == expected


@pytest.mark.parametrize("content", pictures().values(), ids=pictures())
def test_what_is_cut_short_has_the_services_verdict(content: bytes) -> None:
    for length in range(0, len(content), 31):
        assert offline(content[:length]) == by_the_service(content[:length]), length


def test_what_asks_for_much_is_refused_where_the_service_does() -> None:
    hostile = {**claims(), **too_many(), **at_a_limit(), "zipped text": zipped_text()}
    verdicts = {name: (offline(content), by_the_service(content)) for name, content in hostile.items() if len(content) <= MOST_BYTES}
    assert len(verdicts) > 10
    assert [name for name, (ours, expected) in verdicts.items() if ours != expected] == []
    large = [content for content in hostile.values() if len(content) > MOST_BYTES]
    assert large
    assert {offline(content) for content in large} == {None}


def test_a_bad_file_is_a_row_with_its_error(score: Score, images: Images, tmp_path: Path) -> None:
    good = png(images[0])
    files = {
        "0.png": (good, None),
        "1.png": (b"", "It is empty."),
        "2.png": (good[:100], "The PNG image can't be decoded ("),
        "3.png": (b"GIF89a..", "It is not a PNG, JPEG, WebP or BMP image: it begins with the bytes 47 49 46 38 39 61 2e 2e."),
        "4.jpg": (good, None),
        "5.png": (png(np.zeros((28, 29), np.uint8)), "The image is 29x28 and must be 28x28: resize it."),
        "6.bmp": (claims()["BMP"], "The image is 2147483647x2147483647 and must be 28x28"),
        "7.png": (good + bytes(MOST_BYTES), "It has more than 1,048,576 bytes, which no 28x28 image needs: save it anew."),
        "8.webp": (good, None),
    }
    (tmp_path / "input").mkdir()
    for name, (content, _) in files.items():
        (tmp_path / "input" / name).write_bytes(content)
    done = score(tmp_path / "input")
    assert (done.status, done.errors) == (0, "")
    assert "9 rows by cnn 2; 6 of them have no image that can be used: see `error`; " in " ".join(done.said.split())
    for row, (name, (_, error)) in zip(done.rows, files.items(), strict=True):
        assert row["path"] == name
        if error is None:
            assert (row["label"], row["index"], row["error"]) == ("Ankle boot", 9, None)
            assert len(row["probabilities"]) == 10
        else:
            assert row["error"].startswith(error)
            assert {row[column] for column in ("label", "index", "confidence", "probabilities")} == {None}


def test_a_file_that_goes_while_it_is_scored_is_an_error_of_its_row(tmp_path: Path, images: Images) -> None:
    from training.scoring.image_folder import ImageFolder

    for name in ("0.png", "1.png"):
        (tmp_path / name).write_bytes(png(images[0]))
    folder = ImageFolder(tmp_path)
    (tmp_path / "0.png").unlink()
    (tmp_path / "0.png").symlink_to("/proc/self/mem")  # which can't be read at its beginning
    assert folder.read(0, 2).errors == {0: "The file can't be read: Input/output error."}


@pytest.mark.parametrize(
    ("column", "errors"),
    [
        (lambda raw, good: pa.array([raw, None, b"BM" + raw[2:]], pa.binary(784)), {1: "The row has no image: it is null."}),
        (lambda raw, good: pa.array([list(raw), [1, 2], list(raw), None, [None] * 784], pa.list_(pa.uint8())), {
            1: "The row has 2 pixels and must have 784.",
            3: "The row has no image: it is null.",
            4: "The row has 0 pixels and must have 784.",
        }),
        (lambda raw, good: pa.array([None, list(raw)], pa.list_(pa.uint8(), 784)), {0: "The row has no image: it is null."}),
        (lambda raw, good: pa.array([good, raw, raw[:-1], b"", None]), {
            2: "It is not a PNG, JPEG, WebP or BMP image: it begins with the bytes 00 00 00 00 00 00 00 00.",
            3: "It is empty.",
            4: "The row has no image: it is null.",
        }),
        (lambda raw, good: pa.array([{"bytes": good, "path": "a"}, {"bytes": None, "path": "b"}, None]), {
            1: "The row has no image: it is null.",
            2: "The row has no image: it is null.",
        }),
    ],
)  # fmt: skip
def test_a_bad_row_of_parquet_is_one_with_its_error(
    score: Score, images: Images, tmp_path: Path, column: object, errors: dict[int, str]
) -> None:
    pq.write_table(pa.table({"image": column(images[0].tobytes(), png(images[0]))}), tmp_path / "input")  # type: ignore[operator]
    done = score(tmp_path / "input")
    assert done.status == 0
    assert {row["row"]: row["error"] for row in done.rows if row["error"]} == errors
    assert {row["label"] for row in done.rows if row["row"] not in errors} == {"Ankle boot"}
    assert {row["label"] for row in done.rows if row["row"] in errors} == {None}


def test_text_that_is_none_is_kept_readable(score: Score, images: Images, tmp_path: Path) -> None:
    paths = pa.StringArray.from_buffers(1, pa.py_buffer(np.array([0, 2], np.int32)), pa.py_buffer(b"a\xff"))
    column = pa.StructArray.from_arrays([pa.array([png(images[0])]), paths], ["bytes", "path"])
    pq.write_table(pa.table({"image": column}), tmp_path / "input")
    assert score(tmp_path / "input").rows[0]["path"] == "a\\xff"

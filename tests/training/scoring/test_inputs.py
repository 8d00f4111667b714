"""Every kind of input gives the same rows; one that is none, or damaged, is an answer."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import png
from tests.server import ROOT
from tests.training.scoring.conftest import Images, Score
from tests.training.scoring.kinds import (
    KINDS,
    Kind,
    as_folder_of_images,
    as_gzipped_idx,
    as_hugging_faces_parquet,
    as_npy,
    as_parquet_of_pixels,
    as_parquet_of_pngs,
    idx,
    rows,
)
from training.scoring.inputs import opened


@pytest.mark.parametrize("write", KINDS)
@pytest.mark.parametrize("part_rows", [1000, 70])
def test_every_kind_gives_the_same_rows(
    score: Score, images: Images, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Kind, part_rows: int
) -> None:
    """In one part, and in several of which none ends where a row group does."""
    for module in ("score", "unfinished"):
        monkeypatch.setattr(f"training.scoring.{module}.PART_ROWS", part_rows)
    as_npy(tmp_path / "images.npy", images)
    expected = score(tmp_path / "images.npy").rows
    write(tmp_path / "input", images)
    done = score(tmp_path / "input", "--again")
    assert (done.status, done.errors) == (0, "")
    assert [{**row, "path": None} for row in done.rows] == expected
    named: dict[Kind, Callable[[int], str]] = {as_hugging_faces_parquet: "{}.png".format, as_folder_of_images: "{:03}.png".format}
    assert [row["path"] for row in done.rows] == [named[write](row) if write in named else None for row in range(300)]


@pytest.mark.parametrize("write", KINDS)
def test_every_kind_can_be_read_from_anywhere(images: Images, tmp_path: Path, write: Kind) -> None:
    """As a run that goes on, and Ray's processes, do."""
    write(tmp_path / "input", images)
    with closing(opened(tmp_path / "input")) as source:
        assert source.rows == 300
        for start, stop in ((137, 211), (211, 290), (299, 300), (0, 10), (100, 300)):
            assert (source.read(start, stop).images[..., 0] == images[start:stop]).all()


def test_a_folder_has_one_order(score: Score, images: Images, tmp_path: Path) -> None:
    """Its own files before its folders, whatever is in them; nothing hidden, nothing behind a link to a folder."""
    folder = tmp_path / "input"
    taken = [
        "B.PNG",
        "a.png",
        "b.jpeg.png",
        "a/z.png",
        "a/b/c/0.png",
        "a-/1.png",
        "ab/2.png",
        "\N{SNOWMAN}/3.png",
        os.fsdecode(b"\xff.png"),
    ]
    for name in [*taken, ".hidden.png", ".hidden/4.png", "notes.txt", "5.gif"]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(png(images[0]))
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "a" / "y.png").symlink_to(folder / "a.png")
    (folder / "a" / "broken.png").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "a" / "pipe.png")  # would be waited for
    done = score(folder)
    assert [row["path"] for row in done.rows] == [
        "B.PNG",
        "a.png",
        "b.jpeg.png",
        "\\xff.png",
        "a/y.png",
        "a/z.png",
        "a/b/c/0.png",
        "a-/1.png",
        "ab/2.png",
        "\N{SNOWMAN}/3.png",
    ]
    assert {row["label"] for row in done.rows} == {"Ankle boot"}


def test_folders_may_be_many_and_deep(score: Score, images: Images, tmp_path: Path) -> None:
    for number in range(1500):
        (tmp_path / "input" / f"{number:04}").mkdir(parents=True)
    (tmp_path / "input" / "0700" / "image.png").write_bytes(png(images[0]))
    deep = tmp_path / "input" / "1200" / (200 * "d/")
    deep.mkdir(parents=True)
    (deep / "image.png").write_bytes(png(images[0]))
    done = score(tmp_path / "input")
    assert [row["path"] for row in done.rows] == ["0700/image.png", "1200/" + 200 * "d/" + "image.png"]


def bad_arrays(images: Images) -> dict[str, npt.NDArray[Any]]:
    return {
        "holds float64 of shape [300, 28, 28]: uint8 [n, 28, 28]": images.astype(np.float64),
        "holds uint8 of shape [300, 784]: uint8 [n, 28, 28]": images.reshape(300, 784),
        "holds uint8 of shape [300, 28, 28, 3]: uint8": np.repeat(images[..., None], 3, 3),
        "holds uint8 of shape [300, 28, 28] in Fortran's order": np.asfortranarray(images),
        "holds object of shape [2]: uint8": np.array([{}, None], object),
    }


def changed(content: bytes, at: int, to: bytes) -> bytes:
    return content[:at] + to + content[at + len(to) :]


def bad_files(images: Images, home: Path) -> dict[str, bytes]:
    as_npy(home / "whole.npy", images)
    as_parquet_of_pngs(home / "whole.parquet", images)
    npy, parquet, plain = (home / "whole.npy").read_bytes(), (home / "whole.parquet").read_bytes(), idx(images)
    packed = gzip.compress(plain)
    column = pq.ParquetFile(home / "whole.parquet").metadata.row_group(1).column(1)
    middle = column.data_page_offset + column.total_compressed_size // 2
    return {
        "has 235,327 bytes, and 235,328 by its header": npy[:-1],
        "has 235,329 bytes, and 235,328 by its header": npy + b"\0",
        "is no NPY file": npy[:50],
        "is no NPY file (": changed(npy, 6, b"\7"),
        "has 235,215 bytes, and 235,216 by its header": plain[:-1],
        "has 235,217 bytes, and 235,216 by its header": plain + b"\0",
        "has 235,216 bytes, and 3,367,254,359,296 by its header": changed(plain, 4, b"\xff\xff\xff\xff"),
        "it begins with 00 00 08 01 instead of 00 00 08 03": changed(plain, 3, b"\1"),
        "holds images of 29x28, and 28x28 are needed": changed(plain, 15, b"\x1d"),
        "it begins with 00 00 instead of": b"\0\0",
        "it begins with 50 4b instead of": gzip.compress(b"PK"),
        "can't be unpacked (Compressed file ended": packed[:-1000],
        "can't be unpacked (CRC check failed": changed(packed, len(packed) - 8, b"\0\0\0\0"),
        "can't be unpacked (Error -3 while decompressing": changed(packed, 1000, bytes(100)),
        "ends in row 299 of 300": gzip.compress(plain[:-1]),
        "goes on after the 300 rows of its header": gzip.compress(plain + b"\0"),
        "begins with nothing, as no NPY, IDX, gzipped IDX or Parquet file does": b"",
        "begins with 89 50 4e 47 0d 0a, as no NPY": png(images[0]),
        "is no whole Parquet file (": parquet[:-1],
        "is no whole Parquet file (Parquet ": b"PAR1",
        "is no whole Parquet file (could not verify page integrity, CRC": changed(parquet, middle, bytes(64)),
    }


def test_a_file_that_is_none_or_damaged_is_an_answer(score: Score, output: Path, images: Images, tmp_path: Path) -> None:
    path = tmp_path / "input"

    def refused(answer: str) -> None:
        done = score(path)
        assert (done.status, done.errors.count("\n"), done.said) == (2, 1, ""), (answer, done)
        assert f"error: {path} {answer}" in done.errors or (f"error: {path} is no IDX file of images: {answer}" in done.errors), done.errors
        assert not output.exists()

    for answer, array in bad_arrays(images).items():
        as_npy(path, array)
        refused(answer)
    for answer, content in bad_files(images, tmp_path).items():
        path.write_bytes(content)
        refused(answer)
        for left in tmp_path.glob(".*/*"):  # what was scored before the damage
            left.unlink()
    path.unlink()
    assert f"error: there is no file or folder {path}" in score(path).errors
    path.mkdir()
    assert f"error: {path} has no image: the files named .png, .jpg, .jpeg, .webp, .bmp are taken" in score(path).errors


def test_a_column_that_is_not_there_is_an_answer(score: Score, output: Path, images: Images, tmp_path: Path) -> None:
    path, pixels = tmp_path / "input", pa.array(rows(images[:2]), pa.binary(784))
    pq.write_table(pa.table({"number": [1, 2], "left": pixels, "right": pixels}), path)
    there = "number (int64), left (fixed_size_binary[784]), right (fixed_size_binary[784])"
    answers = {
        (): f"has 2 columns that may be images (binary, a struct of bytes and path, or 784 uint8 in a fixed-size binary or a list): "
        f"name one of {there} with --column",
        ("--column", "middle"): f"has no single column named 'middle': its columns are {there}",
    }
    for options, answer in answers.items():
        done = score(path, *options)
        assert (done.status, done.errors) == (2, f"error: {path} {answer}\n")
    done = score(path, "--column", "number")
    assert (done.status, done.errors[:60]) == (2, f"error: the column 'number' of {path} is int64: "[:60])
    assert not output.exists()
    assert len(score(path, "--column", "right").rows) == 2


def test_rows_that_are_claimed_only_take_no_memory(score: Score, output: Path, images: Images, tmp_path: Path) -> None:
    """Four thousand million by its header, of which 300 are there; a list of their parts alone would be 60 MB."""
    path = tmp_path / "input"
    path.write_bytes(gzip.compress(changed(idx(images), 4, b"\xff\xff\xff\xff")))
    tracemalloc.start()
    try:
        done = score(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (done.status, done.errors) == (2, f"error: {path} ends in row 300 of 4,294,967,295: it is cut short, get it again\n")
    assert peak < 40_000_000
    assert not output.exists()


def test_the_output_is_not_written_into_what_is_read(score: Score, images: Images, tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(png(images[0]))
    done = score(tmp_path)
    assert done.status == 2
    assert f"is in {tmp_path}, which is read: name a file elsewhere" in done.errors


def test_the_input_is_not_replaced(score: Score, output: Path, images: Images) -> None:
    as_parquet_of_pixels(output, images[:2])
    before = output.read_bytes()
    done = score(output, "--again")
    assert (done.status, done.errors) == (2, f"error: {output} is in {output}, which is read: name a file elsewhere\n")
    assert output.read_bytes() == before


CHANGED = """
import shutil, sys
from pathlib import Path
from training.__main__ import main

given, output, where = map(Path, sys.argv[1:])
sys.addaudithook(lambda event, _: event == "os.rename" and shutil.copy(given / "a.png", where))  # as the first part is stored
sys.exit(main(["score", str(given), str(output)]))
"""


@pytest.mark.parametrize("name", ["a new one", "in its place"])
def test_an_input_that_changes_is_an_answer(images: Images, tmp_path: Path, output: Path, name: str) -> None:
    given = tmp_path / "input"
    given.mkdir()
    for each, image in zip("ab", images[:2], strict=True):
        (given / f"{each}.png").write_bytes(png(image))
    where = given / {"a new one": "c.png", "in its place": "b.png"}[name]
    command: list[str | Path] = [sys.executable, "-c", CHANGED, given, output, where]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, f"error: {given} has changed while it was scored: add --again to score it anew\n")
    assert not output.exists()


@pytest.mark.parametrize("write", [as_npy, as_parquet_of_pixels, as_gzipped_idx])
def test_no_rows_are_a_file_without_rows(score: Score, output: Path, images: Images, tmp_path: Path, write: Kind) -> None:
    write(tmp_path / "input", images[:0])
    assert score(tmp_path / "input").status == 0
    assert pq.read_table(output).num_rows == 0

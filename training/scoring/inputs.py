"""Which kind of input a path is: by what it holds, whatever it is called."""

from __future__ import annotations

from pathlib import Path

from training.errors import TrainingError
from training.scoring.image_folder import SUFFIXES, ImageFolder, files
from training.scoring.pixel_file import GZIP_MAGIC, IDX_MAGIC, NPY_MAGIC, PixelFile
from training.scoring.source import Source, unreadable

PARQUET_MAGIC = b"PAR1"
PARQUET_SUFFIXES = (".parquet",)


def opened(path: Path, column: str | None = None) -> Source:
    """The input at `path`, its headers checked; `column` is that of the images in Parquet.

    Raises:
        TrainingError: There is none, it is of no kind that can be scored, or it has no columns to choose from.
    """
    source = _opened(path, column)
    if column is not None and isinstance(source, (ImageFolder, PixelFile)):
        raise TrainingError(f"{path} has no columns, so there is none named {column!r}: leave out --column", 2)
    return source


def _opened(path: Path, column: str | None) -> Source:
    try:
        if path.is_dir():
            return _of_folder(path, column)
        with path.open("rb") as stream:
            begins = stream.read(len(NPY_MAGIC))
    except FileNotFoundError:
        raise TrainingError(f"there is no file or folder {path}", 2) from None
    except OSError as error:
        raise unreadable(path, error) from error
    if begins.startswith(PARQUET_MAGIC):
        return _parquet([path], column)
    if begins.startswith(NPY_MAGIC):
        return PixelFile(path, "npy")
    if begins.startswith((IDX_MAGIC[:2], GZIP_MAGIC)):
        return PixelFile(path, "idx", gzipped=begins.startswith(GZIP_MAGIC))
    raise TrainingError(
        f"{path} begins with {begins.hex(' ') or 'nothing'}, as no NPY, IDX, gzipped IDX or Parquet file does; "
        "for image files name the folder they are in",
        2,
    )


def _of_folder(folder: Path, column: str | None) -> Source:
    """Of Parquet files where the first file of either kind is one, else of images."""
    first = next(files(folder, SUFFIXES + PARQUET_SUFFIXES), "")
    if first.lower().endswith(PARQUET_SUFFIXES):
        return _parquet([folder / each for each in files(folder, PARQUET_SUFFIXES)], column)
    return ImageFolder(folder)


def _parquet(files: list[Path], column: str | None) -> Source:
    from training.scoring.parquet_input import ParquetInput  # slower to import than small inputs take

    return ParquetInput(files, column)

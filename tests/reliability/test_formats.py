"""Files of other formats under accepted names, and one scene in every shape of the accepted ones. Short form 10 s; the long form sends
each of the 800 files that Pillow itself is tested with, some of which once crashed it, fetched with its source, in half a minute."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, ImageOps

from supply_chain.locks import SERVE, read
from tests.app.test_images import ORIENTATION, TURNS, palette, sixteen_bit
from tests.reliability.conftest import Record
from tests.reliability.corpus import boot, encoded, interlaced, pictures
from tests.server import ROOT, Server

ACCEPTED = {200, 415, 422}
OTHERS = ("GIF", "TIFF", "ICO", "EPS", "SGI", "PCX", "JPEG2000", "TGA", "PPM", "DDS", "ICNS", "AVIF", "PDF", "XBM", "MSP", "SPIDER")
NAMES = {"photo.png": "image/png", "photo.jpg": "image/jpeg"}
ANY_FORMAT = """
import app.images, PIL.Image
of_any, app.images._format_of = PIL.Image.open, lambda data: "PNG"
PIL.Image.open = lambda file, formats=None: of_any(file)
"""
SOURCE = ROOT / "build" / "pillow"


def others() -> dict[str, bytes]:
    """The boot in formats that are not accepted, as far as Pillow can write them here."""
    modes = {"XBM": "1", "MSP": "1", "SPIDER": "F", "DDS": "RGBA", "ICNS": "RGBA"}
    Image.init()
    return {each: encoded(boot().convert(modes.get(each, "RGB")), each) for each in OTHERS if each in Image.SAVE}


def disguised() -> dict[str, bytes]:
    """Other formats behind an accepted one's first bytes, and accepted ones that end in the middle."""
    starts = {"PNG": b"\x89PNG\r\n\x1a\n", "JPEG": b"\xff\xd8\xff", "WEBP": b"RIFF\xff\xff\0\0WEBP", "BMP": b"BM"}
    mixed = {f"{each} as {start}": first + content for each, content in others().items() for start, first in starts.items()}
    return mixed | {f"a third of {each}": content[: len(content) // 3] for each, content in pictures().items()}


def answers(server: Server, files: Mapping[str, bytes]) -> Counter[int]:
    """To each file under each name and fit."""
    counted: Counter[int] = Counter()
    for content in files.values():
        for name, declared in NAMES.items():
            for fit in ("strict", "garment"):
                answer = server.http.post("/predict", params={"fit": fit}, files={"file": (name, content, declared)})
                counted[answer.status_code] += 1
    return counted


def figures(counted: Counter[int]) -> str:
    return ", ".join(f"{count} x {status}" for status, count in sorted(counted.items()))


def none_is_read(counted: Counter[int]) -> None:
    assert set(counted) == {415}


def test_other_formats_are_not_even_tried(server: Server, record: Record) -> None:
    files = others()
    counted = answers(server, files)
    record("Parser surface: formats renamed .png and .jpg", f"{len(files)} formats: 415", figures(counted))
    assert len(files) > 10
    none_is_read(counted)


def test_without_the_list_of_formats(models: Path) -> None:
    with Server(models_dir=str(models), changed=ANY_FORMAT) as server:
        counted = answers(server, {"GIF": others()["GIF"], "TIFF": others()["TIFF"]})
    with pytest.raises(AssertionError):
        none_is_read(counted)
    assert counted[200]


def test_disguised_files_are_refused(server: Server, record: Record) -> None:
    files = disguised()
    counted = answers(server, files)
    record("Parser surface: disguised and cut files", f"{len(files)} files: 415 or 422", figures(counted))
    assert set(counted) <= {415, 422}
    assert server.process.poll() is None


@pytest.fixture(scope="module")
def pillows_own() -> dict[str, bytes]:
    """Pillow's test images, from the source of the locked version, its hash checked."""
    [pin] = [each for each in read(SERVE) if each.name == "pillow"]
    SOURCE.mkdir(parents=True, exist_ok=True)
    (locked := SOURCE / "pillow.txt").write_text(f"pillow=={pin.version} {' '.join(f'--hash={each}' for each in sorted(pin.hashes))}\n")
    fetch: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "-q",
        "--no-deps",
        "--require-hashes",
        "--no-binary",
        "pillow",
        "-d",
        SOURCE,
        "-r",
        locked,
    ]
    subprocess.run(fetch, check=True)
    with tarfile.open(SOURCE / f"pillow-{pin.version}.tar.gz") as archive:
        images = (each for each in archive if each.isfile() and "/Tests/images/" in each.name and each.size < 10**7)
        return {each.name.split("/Tests/images/")[1]: archive.extractfile(each).read() for each in images}  # type: ignore[union-attr]


def test_pillows_own_test_images(server: Server, record: Record, soak: bool, request: pytest.FixtureRequest) -> None:
    if not soak:
        pytest.skip("fetches 47 MB: the long form")
    files: dict[str, bytes] = request.getfixturevalue("pillows_own")
    crashes = sum("crash" in each or "oom" in each or "timeout" in each for each in files)
    counted = answers(server, files)
    record(
        "Parser surface: Pillow's own test images",
        f"{len(files)} files, {crashes} of which crashed or stalled it once: 200, 415 or 422",
        figures(counted),
    )
    assert crashes > 30
    assert set(counted) <= ACCEPTED
    assert server.process.poll() is None


def scene() -> Image.Image:
    """A product photo in grey: the boot, dark on white, taller than wide."""
    canvas = Image.new("L", (280, 336), 255)
    canvas.paste(ImageOps.invert(boot()).resize((224, 224), Image.Resampling.BICUBIC), (28, 56))
    return canvas


def turned(photo: Image.Image, orientation: int, image_format: str) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    turn = TURNS[orientation]
    return encoded(photo.transpose(turn) if turn is not None else photo, image_format, exif=exif)


def cut_out(photo: Image.Image, mode: str) -> Image.Image:
    """On a transparent ground instead of a white one, the colour beneath it black."""
    image = photo.point(lambda level: 0 if level == 255 else level).convert(mode)
    image.putalpha(photo.point(lambda level: 0 if level == 255 else 255))
    return image


PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SHAPES: dict[str, Callable[[Image.Image], bytes]] = {
    **{f"EXIF {each} {of}": partial(turned, orientation=each, image_format=of) for each in TURNS for of in ("PNG", "JPEG")},
    "P": lambda photo: encoded(palette(photo), "PNG"),
    "LA": lambda photo: encoded(cut_out(photo, "LA"), "PNG"),
    "RGBA": lambda photo: encoded(cut_out(photo, "RGBA"), "PNG"),
    "RGBA WebP": lambda photo: encoded(cut_out(photo, "RGBA"), "WEBP", lossless=True),
    "CMYK": lambda photo: encoded(photo.convert("CMYK"), "JPEG", quality=95),
    "I;16": lambda photo: encoded(sixteen_bit(photo), "PNG"),
    "1": lambda photo: encoded(photo.convert("1"), "PNG"),
    "interlaced": interlaced,
    "with a profile": lambda photo: encoded(photo, "PNG", icc_profile=PROFILE),
    "APNG": lambda photo: encoded(photo, "PNG", save_all=True, append_images=[ImageOps.invert(photo)]),
    "MPO": lambda photo: encoded(photo.convert("RGB"), "MPO", save_all=True, append_images=[ImageOps.invert(photo).convert("RGB")]),
    "BMP": lambda photo: encoded(photo, "BMP"),
}


def test_one_scene_in_every_shape(server: Server, record: Record) -> None:
    def seen(content: bytes) -> tuple[str, npt.NDArray[np.int16]]:
        files = {"file": content}
        label = server.http.post("/predict?fit=garment", files=files).raise_for_status().json()["label"]
        return label, np.array(server.http.post("/preprocess?fit=garment", files=files).raise_for_status().json()["pixels"], np.int16)

    label, pixels = seen(encoded(scene(), "PNG"))
    found = {name: seen(shape(scene())) for name, shape in SHAPES.items()}
    away = {name: float(np.abs(each - pixels).mean()) for name, (_, each) in found.items()}
    furthest = max(away, key=lambda each: away[each])
    record(
        "Silent mis-decoding",
        f"{len(SHAPES)} shapes of one scene: the same label, pixels within 4 grey levels on average",
        f"{sum(each == label for each, _ in found.values())} x {label}; furthest {away[furthest]:.1f} grey levels ({furthest})",
    )
    assert label == "Ankle boot"
    assert {each for each, _ in found.values()} == {label}
    assert max(away.values()) < 4

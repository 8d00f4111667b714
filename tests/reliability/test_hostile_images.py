"""Files made to take memory, time or the process. Short form about 30 s, long form about two minutes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.reliability import bombs
from tests.reliability.attack import Figures, Upload, attack, target
from tests.reliability.conftest import Record
from tests.reliability.corpus import boot, chunk, header, idat, pictures, png
from tests.server import Server

BOTH = ("strict", "garment")
REFUSED = {415, 422, 429}
"""What the document says of a file that can't be used; 429 where the threads for photos have enough to do."""
ANSWERED = {200, *REFUSED}
MEMORY_MB = 50
CPU_S = 1.0
"""For one file; a photo of 50 megapixels takes as long."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With a folder of its own for temporary files."""
    with target(tmp_path_factory.mktemp("temporary")) as running:
        yield running


def neighbours_are_unharmed(figures: Figures) -> None:
    assert figures.p99_ms < max(100, 5 * figures.calm_ms)  # on a machine with nothing else to do, 100 ms


def holds(figures: Figures, statuses: set[int], files: int) -> None:
    assert set(figures.statuses) <= statuses
    assert not figures.died
    assert figures.peak_mb < MEMORY_MB
    assert figures.cpu_s < files * CPU_S
    assert figures.files == 0
    assert figures.descriptors <= 0
    neighbours_are_unharmed(figures)


def of_both_fits(files: dict[str, bytes]) -> list[Upload]:
    return [Upload(content, fit) for content in files.values() for fit in BOTH]


BOMBS: dict[str, tuple[Callable[[], list[Upload]], set[int]]] = {
    "Decompression bomb: 1-bit PNG of 30,000 x 30,000": (lambda: [Upload(bombs.one_bit(), fit) for fit in BOTH] * 25, REFUSED),
    "Decompression bomb: headers that claim huge sizes": (lambda: of_both_fits(bombs.claims()) * 4, REFUSED),
    "Decompression bomb: 60 MB of comments": (lambda: [Upload(bombs.zipped_text(), fit) for fit in BOTH] * 25, REFUSED),
    "Files of too many parts": (lambda: of_both_fits(bombs.too_many()), REFUSED),
    "Files of as many parts as are read": (lambda: of_both_fits(bombs.at_a_limit()), ANSWERED),
}


@pytest.mark.parametrize("row", BOMBS)
def test_a_bomb_does_nothing(server: Server, record: Record, row: str) -> None:
    uploads, statuses = BOMBS[row][0](), BOMBS[row][1]
    figures = attack(server, uploads)
    record(row, f"{len(uploads)} uploads: {', '.join(map(str, sorted(statuses)))}; neighbours' p99 < 100 ms, memory < +50 MB", str(figures))
    holds(figures, statuses, len(uploads))


def test_without_a_limit_of_pixels(tmp_path: Path) -> None:
    """With 100 megapixels, as 900 would take the machine's memory."""
    large = png(header(10_000, 10_000, depth=1), chunk(b"IDAT", zlib.compress(bytes(10_000 * 1251))))
    with target(tmp_path, max_pixels=10**12) as server:
        figures = attack(server, [Upload(large, "garment")])
    with pytest.raises(AssertionError):
        holds(figures, REFUSED, 1)
    assert figures.peak_mb > MEMORY_MB


UNLIMITED = "import app.images; from PIL import PngImagePlugin; app.images.refuse_many = lambda *_: None\n"


def test_without_a_limit_of_text(tmp_path: Path) -> None:
    changed = UNLIMITED + "PngImagePlugin.MAX_TEXT_MEMORY = 2**40"
    with target(tmp_path, changed=changed) as server:
        figures = attack(server, [Upload(bombs.zipped_text())] * 4)
    with pytest.raises(AssertionError):
        holds(figures, REFUSED, 4)
    assert figures.peak_mb > MEMORY_MB


@pytest.mark.parametrize("name", ["PNG texts", "JPEG scans"])
def test_without_a_limit_of_parts(tmp_path: Path, name: str) -> None:
    with target(tmp_path, changed=UNLIMITED) as server:
        figures = attack(server, [Upload(bombs.too_many()[name], "garment")])
    with pytest.raises(AssertionError):
        holds(figures, REFUSED, 1)
    assert figures.cpu_s > CPU_S


def log_lines(server: Server) -> int:
    """After EXIF data of which each of 5,000 entries is damaged in its own way."""
    before = len(server.logs())
    damaged = png(header(28, 28), chunk(b"eXIf", bombs.exif(5000, 2**16)), idat(boot()))
    assert server.http.post("/predict", content=damaged, headers={"Content-Type": "image/png"}).status_code == 200
    return len(server.logs()) - before


def one_each(lines: int) -> None:
    assert lines == 1


def test_a_file_does_not_fill_the_log(server: Server, record: Record) -> None:
    lines = log_lines(server)
    record("Log flooding by damaged EXIF data", "one line, the request's", f"{lines} line(s)")
    one_each(lines)


def test_without_silence_it_does(tmp_path: Path) -> None:
    changed = "import warnings; keep = warnings.filterwarnings; warnings.filterwarnings = lambda action, **of: keep('default', **of)"
    with target(tmp_path, changed=changed) as server:
        lines = log_lines(server)
    with pytest.raises(AssertionError):
        one_each(lines)


def test_of_32_images_a_bad_one_fails_alone(server: Server, record: Record) -> None:
    files = [pictures()["grey.png"]] * 32
    files[13] = bombs.too_many()["PNG profiles"]
    results = server.http.post("/predict/batch", files=[("files", each) for each in files]).raise_for_status().json()["results"]
    answers = [each for each in results if "label" in each]
    record("One bad image in a batch", "1 bad in 32: 31 answers", f"{len(answers)} answers, the bad one {results[13].get('status')}")
    assert [each.get("status") for each in results] == [422 if i == 13 else None for i in range(32)]
    assert {each["label"] for each in answers} == {"Ankle boot"}

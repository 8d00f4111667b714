"""However many files there are, few of them are held at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.cli.answering import Answer, problem
from app.cli.batches import FRAME_BYTES, Batch, answered, batches
from app.cli.ending import UnavailableError
from app.errors import BodyTooLargeError, UnprocessableImageError


def said(text: str) -> Answer:
    return problem(UnprocessableImageError(text))


def classify(images: Sequence[bytes]) -> list[Answer]:
    """As if each image were its own answer."""
    return [said(image.decode()) for image in images]


def test_files_are_read_when_they_are_needed_and_answered_in_order() -> None:
    batch_count, threads = 50, 3
    read, most_ahead = 0, 0
    first_may_end = threading.Event()

    def waiting() -> Iterator[Batch]:
        nonlocal read
        for number in range(batch_count):
            read += 1
            yield [(str(number), str(number).encode())]

    def slow_at_first(images: Sequence[bytes]) -> list[Answer]:
        if images[0] == b"0":
            assert first_may_end.wait(60)
        if images[0] == b"2":  # others overtake the first
            first_may_end.set()
        return classify(images)

    seen = []
    for done in answered(waiting(), slow_at_first, threads):
        seen += done
        most_ahead = max(most_ahead, read - len(seen))
    assert seen == [(str(number), said(str(number))) for number in range(batch_count)]
    assert most_ahead == threads


def test_a_batch_is_bounded_in_files_and_in_bytes(tmp_path: Path) -> None:
    sizes = [10, 10, 10, 10, 4000, 10, 9000, 10, 20_000, 10]
    files = []
    for number, size in enumerate(sizes):
        files.append(str(tmp_path / str(number)))
        Path(files[-1]).write_bytes(bytes(size))
    limit = 9000 + FRAME_BYTES
    made = list(batches(files, 3, limit))
    assert [file for batch in made for file, _ in batch] == files
    assert [[content if isinstance(content, Exception) else len(content) for _, content in batch] for batch in made[:4]] == [
        [10, 10, 10],
        [10, 4000, 10],
        [9000],
        [10, made[3][1][1], 10],
    ]
    assert isinstance(made[3][1][1], BodyTooLargeError)
    assert len(made) == 4


def test_a_batch_is_as_large_as_allowed_and_not_a_byte_larger(tmp_path: Path) -> None:
    small, larger = tmp_path / "small", tmp_path / "larger"
    small.write_bytes(bytes(1000))
    larger.write_bytes(bytes(1001))
    files = [str(small), str(small), str(small), str(larger)]
    assert [len(batch) for batch in batches(files, 256, 2 * (1000 + FRAME_BYTES))] == [2, 1, 1]


def test_what_can_not_be_read_is_not_asked_about(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.png")
    there = tmp_path / "there.png"
    there.write_bytes(b"there")
    [done] = answered(batches([gone, str(there), gone], 256, 10_000), classify, 2)
    assert done == [(gone, said("The file can't be read: No such file or directory.")), (str(there), said("there")), (gone, done[0][1])]
    [done] = answered(batches([gone], 256, 1000), lambda images: pytest.fail("asked about nothing"), 2)
    assert [file for file, _ in done] == [gone]


def test_a_failure_ends_it() -> None:
    def fail(images: Sequence[bytes]) -> list[Answer]:
        raise UnavailableError("gone")

    with pytest.raises(UnavailableError, match="gone"):
        list(answered(([("x", b"x")] for _ in range(1000)), fail, 2))

from __future__ import annotations

import threading

import anyio
import pytest
from PIL import Image

from app.decoder import Decoder
from app.errors import OverloadedError, UnprocessableImageError
from app.images import Fit, Picture, decode
from app.settings import Settings
from tests import data
from tests.conftest import encoded

BOOT = data.BOOT.read_bytes()
PADDED = encoded(Image.open(data.BOOT), "BMP") + bytes(10_000)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The thread of each decoding."""
    seen: list[threading.Thread] = []

    def spy(content: bytes, fit: Fit, max_pixels: int) -> Picture:
        seen.append(threading.current_thread())
        return decode(content, fit, max_pixels)

    monkeypatch.setattr("app.decoder.decode", spy)
    return seen


def test_a_small_image_is_decoded_on_the_event_loop(threads: list[threading.Thread]) -> None:
    anyio.run(Decoder(Settings()).one, BOOT, "strict")
    assert threads == [threading.main_thread()]


@pytest.mark.parametrize(("content", "fit"), [(BOOT, "garment"), (PADDED, "strict")])
def test_all_else_is_decoded_in_a_thread(threads: list[threading.Thread], content: bytes, fit: Fit) -> None:
    anyio.run(Decoder(Settings()).one, content, fit)
    assert threads != [threading.main_thread()]
    assert len(threads) == 1


def test_a_batch_is_one_job_in_one_thread_and_keeps_its_order(threads: list[threading.Thread]) -> None:
    results = anyio.run(Decoder(Settings()).many, [BOOT, b"", BOOT], "strict")
    assert [type(each) for each in results] == [Picture, UnprocessableImageError, Picture]
    assert len(threads) == 3
    assert len(set(threads)) == 1
    assert threads[0] is not threading.main_thread()


def test_a_batch_is_decoded_as_it_was_asked_for() -> None:
    wide = encoded(Image.open(data.BOOT).resize((60, 40)), "PNG")
    first, second = anyio.run(Decoder(Settings()).many, [wide, BOOT], "garment")
    assert isinstance(first, Picture)
    assert isinstance(second, Picture)
    assert (first.pixels == decode(wide, "garment", 10_000).pixels).all()
    assert (second.pixels == decode(BOOT, "garment", 10_000).pixels).all()


def test_the_queue_is_bounded_and_empties() -> None:
    decoder = Decoder(Settings(photo_threads=1, photo_queue=1))

    async def outcomes(count: int) -> list[str]:
        found = []

        async def attempt() -> None:
            try:
                await decoder.one(BOOT, "garment")
                found.append("decoded")
            except OverloadedError:
                found.append("refused")

        async with anyio.create_task_group() as group:
            for _ in range(count):
                group.start_soon(attempt)
        return sorted(found)

    for _ in range(3):  # each round finds an empty queue
        assert anyio.run(outcomes, 5) == ["decoded", "decoded", "refused", "refused", "refused"]

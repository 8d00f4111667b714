"""Decoding without holding up others: a 28x28 image inline, a photo in one of a few threads behind a bounded queue."""

from __future__ import annotations

import anyio

from app.errors import OverloadedError
from app.images import Fit, Picture, decode, is_small
from app.settings import Settings


class Decoder:
    """At most `photo_threads` photos are decoded at once, at most `photo_queue` more wait."""

    def __init__(self, settings: Settings) -> None:
        self._max_pixels = settings.max_pixels
        self._threads = anyio.CapacityLimiter(settings.photo_threads)
        self._room = settings.photo_threads + settings.photo_queue
        self._inside = 0

    async def __call__(self, data: bytes, fit: Fit) -> Picture:
        """Decode an upload as `images.decode` does.

        Raises:
            RequestError: The image can't be used, or too many photos are waiting.
        """
        if is_small(data, fit):
            return decode(data, fit, self._max_pixels)
        if self._inside >= self._room:
            raise OverloadedError(f"{self._inside} photos are being decoded or waiting already: try again in a moment.")
        self._inside += 1
        try:
            return await anyio.to_thread.run_sync(decode, data, fit, self._max_pixels, limiter=self._threads)
        finally:
            self._inside -= 1

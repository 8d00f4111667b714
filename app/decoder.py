"""Decoding without holding up others: a small image inline, all else in a few threads behind a bounded queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import anyio

from app.errors import OverloadedError, RequestError
from app.images import Fit, Picture, decode, is_small
from app.settings import Settings

Result = TypeVar("Result")


class Decoder:
    """At most `photo_threads` requests are decoded in threads at once, and at most `photo_queue` more wait for one."""

    def __init__(self, settings: Settings) -> None:
        self._max_pixels = settings.max_pixels
        self._threads = anyio.CapacityLimiter(settings.photo_threads)
        self._room = settings.photo_threads + settings.photo_queue
        self._inside = 0

    async def one(self, data: bytes, fit: Fit) -> Picture:
        """Decode an upload as `images.decode` does.

        Raises:
            RequestError: The image can't be used, or too many requests are waiting.
        """
        if is_small(data, fit):
            return decode(data, fit, self._max_pixels)
        return await self._in_thread(lambda: decode(data, fit, self._max_pixels))

    async def many(self, files: Sequence[bytes], fit: Fit) -> list[Picture | RequestError]:
        """Decode a batch in one thread; an image that can't be used has its error in its place.

        Raises:
            OverloadedError: Too many requests are waiting.
        """
        return await self._in_thread(lambda: [self._attempt(data, fit) for data in files])

    def _attempt(self, data: bytes, fit: Fit) -> Picture | RequestError:
        try:
            return decode(data, fit, self._max_pixels)
        except RequestError as error:
            return error

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        if self._inside >= self._room:
            raise OverloadedError(f"{self._inside} requests are being decoded or waiting already: try again in a moment.")
        self._inside += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._threads)
        finally:
            self._inside -= 1

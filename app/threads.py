"""Threads for what would hold up the event loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio

from app.errors import OverloadedError

Result = TypeVar("Result")


class Threads:
    """At most `size` pieces of work at once, each in a thread, and at most `queue` more that wait for one."""

    def __init__(self, size: int, queue: int) -> None:
        self._limiter = anyio.CapacityLimiter(size)
        self._room = size + queue
        self._inside = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises.

        Raises:
            OverloadedError: There is no room for it.
        """
        if self._inside >= self._room:
            raise OverloadedError(f"{self._inside} requests are being worked on or waiting already: try again in a moment.")
        self._inside += 1
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            self._inside -= 1

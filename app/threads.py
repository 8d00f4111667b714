"""Threads for what would hold up the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from app.deadline import deadline
from app.errors import DeadlineExceededError, OverloadedError

Result = TypeVar("Result")


class Threads:
    """At most `size` pieces of work at once, each in a thread, and at most `queue` more that wait for one.

    What still waits at its request's deadline is never begun. What is being worked on then can't be stopped: it keeps its thread until
    it ends, and where it keeps the last one, further work is refused at once.
    """

    def __init__(self, size: int, queue: int) -> None:
        self._pool = ThreadPoolExecutor(size)
        self._size = size
        self._room = size + queue
        self._lock = threading.Lock()
        self._inside = 0
        self._overdue = 0

    def expect(self) -> None:
        """Return if there is room now, so that a client can be refused before its body is read.

        Raises:
            OverloadedError: There is none.
            DeadlineExceededError: No thread is left.
        """
        if self._overdue >= self._size:
            raise DeadlineExceededError("What is worked on here takes longer than a request may: try again later.")
        if self._inside >= self._room:
            raise OverloadedError(f"{self._inside} requests are being worked on or waiting already: try again in a moment.")

    async def run(self, work: Callable[[], Result]) -> Result:
        """What `work` returns or raises.

        Raises:
            OverloadedError: There is no room for it.
            DeadlineExceededError: The request's time ends before it does.
        """
        self.expect()
        self._count(inside=1)
        future = self._pool.submit(copy_context().run, work)
        try:
            async with deadline():
                return await asyncio.wrap_future(future)
        finally:
            if future.running():
                self._count(overdue=1)
                future.add_done_callback(lambda _: self._count(inside=-1, overdue=-1))
            else:
                self._count(inside=-1)

    def close(self) -> None:
        """Let the threads end after what they are doing; what waits is never begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _count(self, *, inside: int = 0, overdue: int = 0) -> None:
        with self._lock:  # called by the threads too
            self._inside += inside
            self._overdue += overdue

"""Ends a worker whose event loop stands still, as it does while a model that runs on it hangs.

Nothing in Python can do that: the hanging call may hold the interpreter. `faulthandler` waits in a thread of its own that needs none,
writes where every thread stands to standard error and ends the process. Who started the worker then starts another one: uvicorn's
supervisor, which by itself takes a hanging worker for a living one, as a thread of it still answers; or the container's engine.
"""

from __future__ import annotations

import asyncio
import faulthandler
from types import TracebackType

BEATS = 4
"""How often it is put off in its time."""


class Watchdog:
    """`with Watchdog(10):` in an event loop ends the process once the loop has not come round for 10 seconds; 0 is never."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        if self._seconds:
            self._loop = asyncio.get_running_loop()
            self._put_off()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._seconds:
            self._next.cancel()
            faulthandler.cancel_dump_traceback_later()

    def _put_off(self) -> None:
        faulthandler.dump_traceback_later(self._seconds, exit=True)
        self._next = self._loop.call_later(self._seconds / BEATS, self._put_off)

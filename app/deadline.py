"""How long a request may wait and be worked on, counted from its head."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from app.errors import DeadlineExceededError

_ENDS: ContextVar[float] = ContextVar("ends", default=math.inf)
"""Of the request that is being answered, in seconds of `time.monotonic`."""


def start(seconds: float) -> None:
    """Begin a request."""
    _ENDS.set(time.monotonic() + seconds)


@asynccontextmanager
async def deadline() -> AsyncIterator[None]:
    """Around what waits: it is cancelled where the request's time ends.

    Raises:
        DeadlineExceededError: It has ended.
    """
    ends = _ENDS.get()
    try:
        async with asyncio.timeout(None if ends == math.inf else ends - time.monotonic()) as running:
            yield
    except TimeoutError:
        if not running.expired():
            raise
        raise DeadlineExceededError("The request waited longer than a request may take: try again in a moment.") from None

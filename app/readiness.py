"""Whether the service is ready, found out in bounded time."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

from app.errors import ModelUnavailableError, StoppingError
from app.registry import Registry
from app.stopping import Stopping

PATIENCE_S = 1.5
"""For golden images, which take milliseconds; who asks gives up after 2 s, as the container's health check does."""


class Readiness:
    """Asks the models in a thread of its own, once for all who want to know at the same time; where one hangs, no more threads follow."""

    def __init__(self, stopping: Stopping) -> None:
        self._stopping = stopping
        self._thread = ThreadPoolExecutor(1)
        self._asked: tuple[Registry, Future[dict[str, str]]] | None = None

    async def check(self, registry: Registry) -> None:
        """Return if every required model answers its golden images right now.

        Raises:
            ModelUnavailableError: One does not.
            StoppingError: The service is about to stop.
        """
        if self._stopping.has_begun:
            raise StoppingError("Not ready: the service stops.")
        try:
            async with asyncio.timeout(PATIENCE_S):
                failures = await asyncio.shield(asyncio.wrap_future(self._ask(registry)))
        except TimeoutError:
            failures = {registry.checking: f"it has not answered its golden images for {PATIENCE_S} s"}
        if failures:
            raise ModelUnavailableError("Not ready: " + "; ".join(f"{name}: {reason}" for name, reason in failures.items()) + ".")

    def _ask(self, registry: Registry) -> Future[dict[str, str]]:
        if self._asked:
            asked, answer = self._asked
            if not answer.done():
                if asked is registry:
                    return answer
                self.close()  # what hangs there was replaced
                self._thread = ThreadPoolExecutor(1)
        answer = self._thread.submit(registry.failures)
        self._asked = registry, answer
        return answer

    def close(self) -> None:
        """Let the thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

"""The connections of a worker: how many there may be, and how long each may keep it waiting.

uvicorn waits for ever for a head, for a body and for a client that doesn't read its answer. Here a watch goes round once a second, as
Kestrel's heartbeat does: a request pays for a few notes, not for timers of its own.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from typing import Protocol

from app.body_limits import BodyLimits
from app.settings import Settings

PERIOD = 1.0
"""Seconds between two looks at a connection: deadlines are kept to this."""
PARTS = 10
"""Of all connections, each looked at in its turn, so that hundreds that are late together are not ended at one moment."""
SPARE = 16
"""Connections beyond the bound, for probes, while the worker is busy with the others and none keeps it waiting."""
SPARE_DESCRIPTORS = 64
"""Descriptors that a worker needs beside its connections within the bound: listener, log, models, files being served, the spare ones."""

log = logging.getLogger("app.connections")


class Watched(Protocol):
    """A connection as the watch sees it."""

    def abort(self) -> None:
        """Break it off."""

    def waited(self) -> float | None:
        """When it began to wait for its client, on the loop's clock; None where the client waits for the service."""

    def check(self, now: float) -> None:
        """Break it off, or have its request answered, if the client is too slow."""


class Connections:
    """All connections of a worker: those that never sent a whole head, those between two requests, and those with a request."""

    def __init__(self, settings: Settings) -> None:
        self.limits = BodyLimits.of(settings)
        self.head_seconds = settings.head_seconds
        self.keep_alive_seconds = settings.keep_alive_seconds
        self.slack_seconds = settings.slack_seconds
        self.least_rate = settings.min_bytes_per_second
        self._at_most = _bound(settings.max_connections)
        self._all: dict[Watched, int] = {}  # with the part that each belongs to
        self._admitted = 0
        # dictionaries, for their order: the first waits longest
        self._unused: dict[Watched, None] = {}
        self._idle: dict[Watched, None] = {}

    async def watch(self) -> None:
        """Go round, for ever."""
        now = asyncio.get_running_loop().time
        for part in itertools.cycle(range(PARTS)):
            await asyncio.sleep(PERIOD / PARTS)
            for each in [each for each, its_part in self._all.items() if its_part == part]:
                each.check(now())

    def admit(self, connection: Watched) -> bool:
        """Whether there is room for a new connection.

        Where there is none, one that keeps the worker waiting makes it, as in nginx: of the kind that is most numerous the one that
        waits longest. So who fills the room is who leaves it, and a probe or a neighbour gets in while an attack goes on; to
        refuse the newcomers would shut out the probes, and have the orchestrator restart a service that works.
        """
        if len(self._all) >= self._at_most:
            if longest := self._longest_waiting():
                self.forget(longest)
                longest.abort()
            elif len(self._all) >= self._at_most + SPARE:
                return False
        self._admitted += 1
        self._all[connection] = self._admitted % PARTS
        self._unused[connection] = None
        return True

    def busy(self, connection: Watched) -> None:
        """It has a request."""
        self._unused.pop(connection, None)
        self._idle.pop(connection, None)

    def idle(self, connection: Watched) -> None:
        """It has none any more."""
        self._idle[connection] = None

    def forget(self, connection: Watched) -> None:
        """It is closed."""
        self._all.pop(connection, None)
        self.busy(connection)

    def _longest_waiting(self) -> Watched | None:
        others = len(self._all) - len(self._unused) - len(self._idle)
        most = max(self._unused, self._idle, key=len)
        return self._slowest() if others > len(most) else next(iter(most))

    def _slowest(self) -> Watched | None:
        waiting = [(since, id(each), each) for each in self._all if (since := each.waited()) is not None]
        return min(waiting)[2] if waiting else None


def _bound(wanted: int) -> int:
    """As many of the `wanted` connections as there can be descriptors for; the process's own limit is raised as far as it may be."""
    try:
        import resource
    except ImportError:  # Windows, where there is no such limit
        return wanted
    needed = wanted + SPARE_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    allowed = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < needed:
        log.warning("%d connections instead of %d: the process may have %d open files", allowed - SPARE_DESCRIPTORS, wanted, allowed)
    return max(1, allowed - SPARE_DESCRIPTORS)

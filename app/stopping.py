"""From SIGTERM to the end.

uvicorn closes its sockets at once. What load balancers and clients with kept connections send until they notice would be lost, so it is
told a little later: meanwhile the service says that it is not ready, and closes each connection with the next answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PATIENCE_S = 1.0
"""For threads that are about to end; one that hangs would keep the process for ever."""

log = logging.getLogger(__name__)


class Stopping:
    """Whether the service is about to stop; it goes on answering for `seconds` before uvicorn is told."""

    def __init__(self, seconds: float) -> None:
        self.has_begun = False
        self._seconds = seconds

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Take SIGTERM and SIGINT before uvicorn does, in the main thread, where uvicorn takes them. SIGHUP is for the supervisor alone."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        former = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        told = former[signal.SIGTERM]

        def stop(number: int, frame: FrameType | None) -> None:
            if not callable(told):
                return
            if not self.has_begun:
                self.has_begun = True
                log.info("stopping", extra={"signal": signal.Signals(number).name, "drain_seconds": self._seconds})
                loop.call_soon_threadsafe(loop.call_later, self._seconds, told, signal.SIGTERM, None)
            elif number == signal.SIGINT:  # somebody does not want to wait; the supervisor's SIGTERM follows a terminal's SIGINT
                told(number, frame)

        if callable(told):  # otherwise nobody would be told
            signal.signal(signal.SIGTERM, stop)
            signal.signal(signal.SIGINT, stop)
        signal.signal(signal.SIGHUP, lambda *_: log.info("SIGHUP restarts the workers of a service that has several, and nothing here"))
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


def leave(status: int) -> None:
    """End the process; a thread that hangs is left behind, while others may finish first."""
    others = [each for each in threading.enumerate() if each is not threading.main_thread() and not each.daemon]
    for each in others:
        each.join(PATIENCE_S)
    if hanging := [each.name for each in others if each.is_alive()]:
        log.warning("threads that hang are left behind", extra={"threads": hanging})
        logging.shutdown()
        sys.stdout.flush()
        os._exit(status)
    sys.exit(status)

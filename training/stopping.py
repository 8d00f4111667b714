"""Ctrl-C and SIGTERM: they must reach the command wherever they strike, so that its drafts are removed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

RESEND_S = 0.05


class Stopped(BaseException):
    """A signal asked the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_status = 128 + number


@contextmanager
def stoppable() -> Iterator[None]:
    """Let SIGINT and SIGTERM raise `Stopped` within the block; a SIGINT that is ignored, as in a shell's background job, still is.

    Python prints and forgets what is raised in a destructor or in a weak reference's callback, and TensorFlow's graphs have
    many of both: a signal that strikes there is sent again a moment later.
    """
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)}
    hook = sys.unraisablehook

    def send_again(unraisable: Any) -> None:
        stopped = unraisable.exc_value
        if not isinstance(stopped, Stopped):
            hook(unraisable)
            return
        signal.signal(signal.SIGALRM, lambda _number, frame: _stop(stopped.args[0], frame))
        signal.setitimer(signal.ITIMER_REAL, RESEND_S)

    sys.unraisablehook = send_again
    for number in (signal.SIGINT, signal.SIGTERM):
        if handlers[number] != signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.unraisablehook = hook


def _stop(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)

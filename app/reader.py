"""Large JSON, read in a process of its own.

A parser holds the interpreter from the first byte to the last: for 10,000 images as numbers half a second, in which no other request
would be answered. The process takes up to a gigabyte meanwhile, which goes when it ends.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from app.errors import InterruptedReadError, RequestError

LARGE_BYTES = 256 * 1024
"""Of JSON: it is read in some 5 ms, about what a hop to another process and back takes."""
KEPT_BYTES = 4 * 1024 * 1024
"""Of JSON: the process ends after a larger one, as not all the memory that it took would come back otherwise."""
LONGEST_S = 60
"""Seconds for one message, many times what the longest needs; then the process is killed."""
IDLE_S = 60
"""Seconds without a message after which the process ends."""

Result = TypeVar("Result")


class Reader:
    """Starts the process when it is first needed, and again when it has ended; threads take turns."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.Lock()  # one message at a time, whatever model it is for: 40 MB of JSON take up to 900 MB
        self._used = 0.0

    def call(self, function: Callable[[], Result], size: int) -> Result:
        """What `function` returns or raises, on `size` bytes of JSON; pickled, if there are many, and its outcome likewise.

        Raises:
            RequestError: It does.
            InterruptedReadError: The process was killed.
        """
        if size <= LARGE_BYTES:
            return function()
        with self._turn:
            return self._call(function, size)

    def _call(self, function: Callable[[], Result], size: int) -> Result:
        process = self._running()
        assert process.stdin
        assert process.stdout
        overdue = threading.Timer(LONGEST_S, process.kill)
        overdue.start()
        try:
            pickle.dump(function, process.stdin, protocol=5)  # what is long is written as it is, while others have the interpreter
            process.stdin.flush()
            outcome = pickle.load(process.stdout)  # noqa: S301  # by our own process
        except (OSError, EOFError, pickle.UnpicklingError):
            self.close()
            raise InterruptedReadError(
                f"The process that read the {size:,} bytes of JSON was ended, perhaps for lack of memory: "
                "try again in a moment, with fewer images at once, or with binary tensors."
            ) from None
        finally:
            overdue.cancel()
        self._used = time.monotonic()
        if size > KEPT_BYTES:
            self.close()
        if isinstance(outcome, Exception):
            raise outcome
        result: Result = outcome
        return result

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if not process:
            return
        assert process.stdin
        assert process.stdout
        with suppress(OSError):  # what it will not read any more
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=1)
        process.kill()
        process.wait()
        process.stdout.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process and (time.monotonic() - self._used > IDLE_S / 2 or self._process.poll() is not None):
            self.close()
        if not self._process:
            self._process = subprocess.Popen([sys.executable, "-m", "app.reader"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self._process


def main() -> None:
    """Call each function that comes by standard input, until it is closed, as it also is where the service was killed."""
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing else may write between the answers
    for each in (signal.SIGINT, signal.SIGTERM):  # for the service, which finishes what it is answering
        signal.signal(each, signal.SIG_IGN)
    gc.disable()  # hundreds of thousands of lists and no cycle among them: it would go through them again and again
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")  # if there is too little memory, this process shall go
    while _next(calls.peek):
        call = pickle.load(calls)  # noqa: S301  # by the service
        try:
            outcome = call()
        except RequestError as error:
            outcome = error
        try:
            pickle.dump(outcome, answers, protocol=5)
            answers.flush()
        except BrokenPipeError:  # the service is gone
            os._exit(1)


def _next(peek: Callable[[int], bytes]) -> bool:
    """Whether there is another call; the kernel ends a process that waits for it too long."""
    if sys.platform == "win32":
        return bool(peek(1))
    signal.alarm(IDLE_S)
    try:
        return bool(peek(1))
    finally:
        signal.alarm(0)


if __name__ == "__main__":
    main()

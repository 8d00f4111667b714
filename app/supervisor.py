"""The process that starts the workers, and these, seen by each other: neither outlives or waits for one that has died."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess

from uvicorn.supervisors import multiprocess as uvicorn

log = logging.getLogger(__name__)


def outlive_not() -> None:
    """Stop this worker, as SIGTERM does, once its supervisor has died: nobody would start it again, and its port would stay taken."""
    supervisor = multiprocessing.parent_process()
    if supervisor:  # otherwise this process is the only one
        threading.Thread(target=_follow, args=(supervisor,), daemon=True).start()


def _follow(supervisor: BaseProcess) -> None:
    supervisor.join()
    log.error("the process that started this worker has died, so it stops")
    os.kill(os.getpid(), signal.SIGTERM)


class Worker(uvicorn.Process):
    """A worker whose death its supervisor notices at once.

    uvicorn's keeps the worker's end of their pipe open. So a worker that dies just when it is asked for a sign of life would be waited for
    as long as one that lives and is busy, and no other be started meanwhile.
    """

    def start(self) -> None:
        super().start()
        self.child_conn.close()


def notice_deaths() -> None:
    """Have uvicorn start such workers."""
    uvicorn.Process = Worker  # type: ignore[misc]

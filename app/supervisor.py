"""The process that starts the workers, as these see it."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from multiprocessing.process import BaseProcess

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

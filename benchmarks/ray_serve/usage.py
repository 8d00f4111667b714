"""Processor time, which is what planning needs: where load generator and server share cores, requests per second say little."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def processor_seconds(processes: Iterable[int]) -> dict[int, float]:
    """What each has taken so far, in seconds; those that have ended are left out."""
    found = {}
    for each in processes:
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[each] = (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return found


def usage(processes: Iterable[int], what: Callable[[], Any]) -> tuple[Any, float]:
    """What came out of it, and how many processors those that live on kept busy meanwhile."""
    before, began = processor_seconds(processes), time.monotonic()
    done = what()
    taken = sum(seconds - before[each] for each, seconds in processor_seconds(before).items())
    return done, taken / (time.monotonic() - began)

"""Processor time, which is what planning needs: where load generator and server share cores, requests per second say little."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Usage:
    """What `processes` kept busy while something was done, and what all others did but for its own children, in processors."""

    result: Any
    processors: float
    others: float


def usage(processes: Iterable[int], what: Callable[[], Any]) -> Usage:
    """Do it, and look how busy the machine is meanwhile; of the processes only those count that live on."""
    before, busy, children, began = processor_seconds(processes), _busy_seconds(), _children_seconds(), time.monotonic()
    result = what()
    taken = sum(seconds - before[each] for each, seconds in processor_seconds(before).items())
    others = _busy_seconds() - busy - taken - (_children_seconds() - children)
    passed = time.monotonic() - began
    return Usage(result, taken / passed, max(0.0, others / passed))


def _busy_seconds() -> float:
    """Of all processors, since the start: all but idle and waiting for a disk."""
    fields = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS_PER_S


def _children_seconds() -> float:
    """Of those that were waited for: the load generator."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime

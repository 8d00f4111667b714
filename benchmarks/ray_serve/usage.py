"""Processor time, which is what planning needs: where load generator and server share cores, requests per second say little."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def processor_seconds(processes: Iterable[int]) -> float:
    """What these have taken so far, in seconds; one that has ended counts for nothing."""
    ticks = 0
    for each in processes:
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_S

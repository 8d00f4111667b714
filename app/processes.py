"""The standard process figures, `process_…`, of all processes of the service together."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from prometheus_client import Metric, ProcessCollector

from app.tally import folder
from app.workers import processes

OLDEST = "process_start_time_seconds"


def figures() -> list[Metric]:
    """Memory, processor time and open files, summed, and when the first process started; none where there is no /proc.

    The processor time of workers that died is in it: a sum that fell would look to Prometheus like a restart.
    """
    files = folder()
    while True:
        reaped = _reaped_seconds() if files else 0.0
        found: dict[str, Metric] = {}
        for process in processes(files):
            for metric in ProcessCollector(pid=partial(str, process), registry=None).collect():
                if metric.name not in found:
                    found[metric.name] = metric
                    continue
                [sum_], [each] = found[metric.name].samples, metric.samples
                value = min(sum_.value, each.value) if metric.name == OLDEST else sum_.value + each.value
                found[metric.name].samples = [sum_._replace(value=value)]
        if not files:
            return list(found.values())
        if _reaped_seconds() == reaped:  # otherwise a worker died meanwhile: it was counted twice or not at all
            break
    if time := found.get("process_cpu_seconds"):
        time.samples = [each._replace(value=each.value + reaped) for each in time.samples]
    return list(found.values())


def _reaped_seconds() -> float:
    """Processor time of the workers that died, as the process that started them knows it."""
    try:
        fields = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

"""Rounds to medians and ratios, with the machine they are from."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.serving import environments
from benchmarks.serving.contestants import Contestant

OURS = "wardrobe"


def results(contestants: Sequence[Contestant], rounds: Sequence[Mapping[str, Any]], scaling: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of each contestant the median over the rounds, and the median of the rounds' own ratios to Wardrobe."""
    rows = {}
    for contestant in contestants:
        measured = [each[contestant.name] for each in rounds]
        rows[contestant.name] = {
            "title": contestant.title,
            "ceiling": contestant.ceiling,
            **median(measured),
            "wardrobe_is_times_as_fast": statistics.median(_peak(each[OURS]) / _peak(each[contestant.name]) for each in rounds),
            "installed_mb": round(environments.megabytes(contestant.environment), 1),
            "versions": environments.versions(contestant.environment),
        }
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": {**machine(), "load": load_generator()},
        "rounds": len(rounds),
        "contestants": rows,
        "scaling": median(scaling),
    }


def median(measured: Sequence[Any]) -> Any:
    """The median of numbers, or of each value of mappings that have the same keys; what only some have is left out."""
    if not isinstance(measured[0], Mapping):
        return float(f"{statistics.median(measured):.4g}")
    keys = [key for key in measured[0] if all(key in each for each in measured)]
    return {key: median([each[key] for each in measured]) for key in keys}


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), ""
    )
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()}


def load_generator() -> str:
    """wrk's version."""
    return subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split("Copyright")[0].strip()


def _peak(row: Mapping[str, Any]) -> float:
    peak: float = row["saturated"]["16"]["requests_per_s"]
    return peak

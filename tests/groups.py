"""Which tests run on one worker, which run alone, and which begin: for `pytest -n 2 --dist loadscope` in the Makefile."""

from __future__ import annotations

MEASURING = ("bodies", "connections", "forms", "hanging", "hostile_images", "hot_reload", "overload", "slow_senders", "stalls", "stopping")
ALONE = (
    "contract/test_footprint.py",
    "app/test_workers.py",
    "ray/",
    "training/scoring/test_on_ray.py",
    *(f"reliability/test_{each}.py" for each in MEASURING),
)
"""They measure time, memory or stalls, or kill processes and watch for the next: what another worker does would be in their figures."""
TOGETHER = ("browser/",)
"""Folders whose tests share what takes long to start: a browser, which leaves no other event loop beside it."""
FIRST = ("training/test_cli.py",)
"""It trains what others of `training/` wait for, and takes longest: no worker shall be left with it at the end."""


def is_alone(path: str) -> bool:
    """Whether the file, below `tests/`, wants the machine for itself."""
    return path.startswith(ALONE)


def group(path: str) -> str:
    """The name of what runs on one worker, one after the other."""
    return next((each for each in TOGETHER if path.startswith(each)), path)


def order(path: str) -> int:
    """The sorting key of a file, low for those that begin."""
    return next((place for place, each in enumerate(FIRST) if path.startswith(each)), len(FIRST))

"""How long the steps of a request take, for its log line and its trace."""

from __future__ import annotations

import time
from contextvars import ContextVar
from types import TracebackType
from typing import NamedTuple


class Step(NamedTuple):
    """A finished step: `began` and `ended` in seconds of `time.perf_counter`, and what it was done with."""

    name: str
    began: float
    ended: float
    details: dict[str, str | int]


_STEPS: ContextVar[list[Step] | None] = ContextVar("steps", default=None)
"""Of the request that is being answered; a thread that works for it sees the same list."""


def start() -> list[Step]:
    """Begin a request: the list that its steps will be added to."""
    steps: list[Step] = []
    _STEPS.set(steps)
    return steps


def took(name: str, began: float, ended: float, **details: str | int) -> None:
    """Note a step of the request that is being answered, if there is one."""
    steps = _STEPS.get()
    if steps is not None:
        steps.append(Step(name, began, ended, details))


class Timed:
    """`with Timed("decode"): …` notes the step, also one that fails; a generator's context manager would take three times as long."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        self._began = time.perf_counter()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        took(self._name, self._began, time.perf_counter())


def milliseconds(steps: list[Step]) -> dict[str, float]:
    """The log line's fields: by step the time of all that bear its name, `<name>_ms`."""
    fields: dict[str, float] = {}
    for step in steps:
        name = f"{step.name}_ms"
        fields[name] = round(fields.get(name, 0) + 1000 * (step.ended - step.began), 3)
    return fields

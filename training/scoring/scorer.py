"""Rows in, answers out: what a process does that scores."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pyarrow as pa

from training.scoring import answers
from training.scoring.engine import Engine
from training.scoring.source import Block, Source
from training.scoring.version import Version

SWITCH_S = 0.0002
"""Python's own 5 ms are as long as seven batches of the CNN, and the engine would wait so long after each."""


class Scorer:
    """A source and an engine for it, both opened once in the process that uses them."""

    def __init__(self, source: Source, version: Version, batch: int) -> None:
        self._source, self._version = source, version
        self._engine = Engine(version, batch)

    def span(self, start: int, stop: int) -> pa.Table:
        """The answers to the rows from `start` up to, without, `stop`."""
        return self._answers(start, self._source.read(start, stop))

    def spans(self, spans: Iterable[tuple[int, int]]) -> Iterator[pa.Table]:
        """The answers to several such, in order.

        A second thread reads and decodes the next rows while the engine, which lets go of the interpreter, is at these.
        """
        with _quick_switches(), ThreadPoolExecutor(1) as ahead:
            reading: tuple[int, Future[Block]] | None = None
            for start, stop in spans:
                following = start, ahead.submit(self._source.read, start, stop)
                if reading:
                    yield self._answers(reading[0], reading[1].result())
                reading = following
            if reading:
                yield self._answers(reading[0], reading[1].result())

    def _answers(self, start: int, block: Block) -> pa.Table:
        return answers.table(start, block, self._engine(block.images), self._version)


@contextmanager
def _quick_switches() -> Iterator[None]:
    """Let the engine's thread have the interpreter back at once: by default the thread that decodes may keep it for 5 ms."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)

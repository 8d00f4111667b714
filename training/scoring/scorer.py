"""Rows in, answers out: what a process does that scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pyarrow as pa

from training.scoring import answers
from training.scoring.engine import Engine
from training.scoring.source import Block, Source
from training.scoring.version import Version


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
        with ThreadPoolExecutor(1) as ahead:
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

"""Rows in, answers out: what a process does that scores."""

from __future__ import annotations

import pyarrow as pa

from training.scoring import answers
from training.scoring.engine import Engine
from training.scoring.source import Source
from training.scoring.version import Version


class Scorer:
    """A source and an engine for it, both opened once in the process that uses them."""

    def __init__(self, source: Source, version: Version, batch: int) -> None:
        self._source, self._version = source, version
        self._engine = Engine(version, batch)

    def __call__(self, start: int, stop: int) -> pa.Table:
        """The answers to the rows from `start` up to, without, `stop`."""
        block = self._source.read(start, stop)
        return answers.table(start, block, self._engine(block.images), self._version)

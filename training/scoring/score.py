"""A whole run: the input's rows, part by part, through the engine into the output."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.errors import TrainingError
from training.scoring import answers
from training.scoring.engine import BATCH
from training.scoring.inputs import opened
from training.scoring.scorer import Scorer
from training.scoring.source import Source
from training.scoring.unfinished import PART_ROWS, Unfinished
from training.scoring.version import Version


@dataclass(frozen=True)
class Request:
    """What is to be scored into which Parquet file by what, `batch` images at once.

    `column` is that of the images in Parquet. With `ray_address` the processes of a Ray cluster score, else this one does. What an
    unfinished run of the same request has stored is kept, unless `again` is true.
    """

    input: Path
    output: Path
    version: Version
    column: str | None = None
    batch: int = BATCH
    again: bool = False
    ray_address: str | None = None


def score(request: Request, console: Console) -> None:
    """Do what is requested, and say so.

    Raises:
        TrainingError: It can't be done; what is finished of it stays for the next time.
    """
    with closing(opened(request.input, request.column)) as source:
        _score(request, source, console)


def _score(request: Request, source: Source, console: Console) -> None:
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own keep tens of megabytes more
    version, output = request.version, request.output
    if request.input.resolve() in (output.resolve(), *output.resolve().parents):
        raise TrainingError(f"{output} is in {request.input}, which is read: name a file elsewhere", 2)
    job = {
        "input": source.fingerprint,
        "model": version.name,
        "version": version.number,
        "manifest": version.manifest_sha256,
        "batch size": request.batch,
        "size of parts": PART_ROWS,
    }
    with Unfinished(output, job, request.again) as run:
        began, done = time.monotonic(), min(run.parts * PART_ROWS, source.rows)
        if done:
            console.print(f"going on after the {done:,} rows that are scored")
        with _progress(console) as bar, closing(_tables(source, done, request)) as tables:
            task = bar.add_task("scoring", total=source.rows, completed=done)
            for table in tables:
                assert table["row"][0].as_py() == run.parts * PART_ROWS, "the parts come in order, and none is left out"
                run.add(table)
                bar.advance(task, len(table))
        if opened(request.input, request.column).fingerprint != source.fingerprint:
            raise TrainingError(f"{request.input} has changed while it was scored: add --again to score it anew", 2)
        errors = run.merge(answers.schema(version))
    seconds = time.monotonic() - began
    said = f"{errors:,} of them have no image that can be used: see `error`; " if errors else ""
    console.print(
        f"{output}: {source.rows:,} rows by {version.name} {version.number}; {said}{(source.rows - done) / seconds:,.0f} a second",
        soft_wrap=True,
    )


def _tables(source: Source, done: int, request: Request) -> Generator[pa.Table]:
    """The answers to the rows after those that are done, a part at a time."""
    starts = range(done, source.rows, PART_ROWS)
    spans = ((start, min(start + PART_ROWS, source.rows)) for start in starts)  # as many as a header says, which may be anything
    if request.ray_address is None:
        yield from Scorer(source, request.version, request.batch).spans(spans)
    else:
        from training.scoring.on_ray import MOST_SPANS, scored_on_ray  # optional, and slow to import

        if len(starts) > MOST_SPANS:
            raise TrainingError(f"{source.rows:,} rows are more than a run on Ray can have, {MOST_SPANS * PART_ROWS:,}: split the input", 2)
        yield from scored_on_ray(source, list(spans), request.version, request.batch, request.ray_address)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("at most"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )

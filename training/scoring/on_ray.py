"""Scoring by Ray Data: the spans of rows are its items, and actors that hold an engine each map them to answers."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pyarrow as pa

import training
from training.errors import TrainingError
from training.scoring.scorer import Scorer
from training.scoring.source import Source
from training.scoring.unfinished import PART_ROWS
from training.scoring.version import Version

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster started here reports nothing to Ray's makers
try:
    import ray
    import ray.data
    from ray.exceptions import RayError
except ModuleNotFoundError as error:
    raise TrainingError(
        f"--ray-address needs Ray ({error.name} is not installed): `make ray` installs it, for build/ray/bin/python -m training score …", 2
    ) from error

MOST_SPANS = 1_000_000
"""Items of one run, all of which Ray keeps: eight thousand million rows."""
KNOCK_S = 10
"""Seconds that a cluster's address may take to answer."""


class RayScorer(Scorer):
    """A `Scorer` as Ray Data calls it: with a table of one row, a span."""

    def __call__(self, rows: pa.Table) -> pa.Table:
        [span] = rows.to_pylist()
        return self.span(span["start"], span["stop"])


def scored_on_ray(source: Source, spans: list[tuple[int, int]], version: Version, batch: int, address: str) -> Iterator[pa.Table]:
    """The answers to each span, in order, from the cluster at `address`. Its machines must see the input at the same path.

    Raises:
        TrainingError: The cluster can't be reached, or a span can't be read there.
    """
    if not spans:
        return
    _knock(address)
    ray.cloudpickle.register_pickle_by_value(training)  # so that the machines need Ray, LiteRT and Pillow, but not this package
    try:
        with ray.init(address, logging_level="warning", log_to_driver=False):
            logging.getLogger("ray.data").setLevel(logging.WARNING)
            context = ray.data.DataContext.get_current()
            context.execution_options.preserve_order = True
            context.enable_progress_bars = False
            cores = int(ray.cluster_resources().get("CPU", 1))
            items = ray.data.from_items([{"start": start, "stop": stop} for start, stop in spans], override_num_blocks=len(spans))
            answered = items.map_batches(
                RayScorer,
                fn_constructor_args=(source, version, batch),
                batch_size=1,
                batch_format="pyarrow",
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=min(cores, len(spans))),
                num_cpus=1,
            )
            yield from answered.iter_batches(batch_size=PART_ROWS, batch_format="pyarrow")
    except (RayError, ConnectionError) as error:
        raise TrainingError(f"the Ray cluster at {address} could not score: {error}") from error


def _knock(address: str) -> None:
    """See that somebody listens at `host:port` or `ray://host:port`: Ray itself would try for minutes."""
    where = urlsplit(address if "//" in address else f"//{address}")
    try:
        if where.port:
            socket.create_connection((where.hostname or "", where.port), KNOCK_S).close()
    except (OSError, ValueError) as error:  # a port that is no number is a ValueError
        raise TrainingError(f"no Ray cluster answers at {address} ({error}): start it, or mend --ray-address") from error

"""Scoring by Ray Data: the spans of rows are its items, and actors that hold an engine each map them to answers."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

import training
from training.errors import TrainingError
from training.scoring.scorer import Scorer
from training.scoring.source import Source
from training.scoring.unfinished import PART_ROWS
from training.scoring.version import Version

try:
    import ray
    import ray.data
    from ray.exceptions import RayError
except ModuleNotFoundError as error:
    raise TrainingError(
        f"--ray-address needs Ray ({error.name} is not installed): pip install 'ray[data]', in the release that the cluster has", 2
    ) from error


class RayScorer(Scorer):
    """A `Scorer` as Ray Data calls it: with a table of one span."""

    def __call__(self, spans: pa.Table) -> pa.Table:  # type: ignore[override]
        [span] = spans.to_pylist()
        return super().__call__(span["start"], span["stop"])


def scored_on_ray(source: Source, spans: list[tuple[int, int]], version: Version, batch: int, address: str) -> Iterator[pa.Table]:
    """The answers to each span, in order, from the cluster at `address`. Its machines must see the input at the same path.

    Raises:
        TrainingError: The cluster can't be reached, or a span can't be read there.
    """
    if not spans:
        return
    ray.cloudpickle.register_pickle_by_value(training)  # so that the machines need Ray, LiteRT and Pillow, but not this package
    try:
        with ray.init(address, logging_level="warning", log_to_driver=False):
            context = ray.data.DataContext.get_current()
            context.execution_options.preserve_order = True
            context.enable_progress_bars = False
            cores = int(ray.cluster_resources()["CPU"])
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

"""What Prometheus reads: everything counted, right across workers, as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from app import processes, telemetry, workers
from app.class_mix import class_mix
from app.model import Model
from app.tally import folder

Answers = Mapping[tuple[str, str], Mapping[str, int]]
"""By model and version, as the metric's labels name them: how often each label was given."""


def exposition(models: Sequence[Model], wanted: str) -> tuple[bytes, str]:
    """The text in the `wanted` format, a media range, or else in Prometheus's own, and its media type; `models` are those loaded."""
    encode, media_type = choose_encoder(wanted)
    return encode(_Everything(models)), media_type


def answers() -> Answers:
    """What every version answered since the service started, in all workers."""
    files = folder()
    return _answers(workers.merged(files, "counter") if files else telemetry.PREDICTIONS.collect())


class Runs(NamedTuple):
    """Of a version's graph: how often it ran, on how many `images` in all, and for how many `seconds`."""

    times: int = 0
    images: int = 0
    seconds: float = 0.0


def runs() -> Mapping[tuple[str, str], Runs]:
    """By model and version, as the metrics' labels name them: every run since the service started, in all workers."""
    files = folder()
    counted = workers.merged(files, "histogram") if files else [*telemetry.INFERENCE.collect(), *telemetry.BATCH_SIZE.collect()]
    fields = {
        "wardrobe_inference_duration_seconds_count": "times",
        "wardrobe_inference_batch_size_sum": "images",
        "wardrobe_inference_duration_seconds_sum": "seconds",
    }
    found: dict[tuple[str, str], dict[str, float]] = {}
    for each in (sample for metric in counted for sample in metric.samples if sample.name in fields):
        found.setdefault((each.labels["model"], each.labels["version"]), {})[fields[each.name]] = each.value
    return {key: Runs(int(value["times"]), int(value["images"]), value["seconds"]) for key, value in found.items()}


class _Everything(Collector):
    def __init__(self, models: Sequence[Model]) -> None:
        self._models = models

    def collect(self) -> Iterator[Metric]:
        files = folder()
        counted = workers.merged(files) if files else list(telemetry.IN_PROCESS.collect())
        yield from counted
        yield from _mixes(self._models, _answers(counted))
        yield from processes.figures()


def _answers(counted: Iterable[Metric]) -> Answers:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for metric in counted:
        if metric.name == "wardrobe_predictions":
            for each in metric.samples:
                found.setdefault((each.labels["model"], each.labels["version"]), {})[each.labels["label"]] = int(each.value)
    return found


def _mixes(models: Sequence[Model], answered: Answers) -> list[Metric]:
    diverging = GaugeMetricFamily(
        "wardrobe_class_mix_divergence",
        "Jensen-Shannon divergence, in bits, of the labels answered since the start from those of the test set; absent while they are few.",
        labels=("model", "version"),
    )
    shares = GaugeMetricFamily(
        "wardrobe_test_class_ratio", "Share of the test images to which the version gives the label.", labels=("model", "version", "label")
    )
    for model in models:
        key = (model.name, str(model.version))
        mix = class_mix(model, answered.get(key, {}))
        if mix.divergence is not None:
            diverging.add_metric(key, mix.divergence)
        for label, share in mix.labels.items():
            shares.add_metric((*key, label), share.test)
    return [diverging, shares]

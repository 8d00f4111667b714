"""What is counted while serving, for Prometheus.

The children of a metric are looked up once, for a route or a version, and kept: to find them anew by their labels takes longer than to
count. With several workers each counts in files of its own, see `app/workers.py`; then the gauges' modes say how they become one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import get_args

import numpy as np
import numpy.typing as npt
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from app.remarks import Kind
from app.schemas.models import State
from app.tally import folder

folder()  # prometheus_client opens its files there as soon as there is a metric
disable_created_metrics()  # a second series for each first one, which files can't keep anyway

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER_METHOD = "other"

IN_PROCESS = CollectorRegistry()
"""Everything below, as this process counted it."""

REQUESTS = Counter("wardrobe_http_requests_total", "HTTP requests answered.", ("method", "route", "status"), registry=IN_PROCESS)
DURATION = Histogram(
    "wardrobe_http_request_duration_seconds",
    "Time from a request's head to the end of its answer.",
    ("route", "status"),
    registry=IN_PROCESS,
    buckets=(0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_FLIGHT = Gauge(
    "wardrobe_http_requests_in_flight",
    "HTTP requests being answered, this one among them.",
    registry=IN_PROCESS,
    multiprocess_mode="livesum",
)
_VERSION = ("model", "version")
INFERENCE = Histogram(
    "wardrobe_inference_duration_seconds",
    "Time of a model's run on the images of a request.",
    _VERSION,
    registry=IN_PROCESS,
    buckets=(2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2),
)
BATCH_SIZE = Histogram(
    "wardrobe_inference_batch_size",
    "Images in a model's run.",
    _VERSION,
    registry=IN_PROCESS,
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096),
)
PREDICTIONS = Counter("wardrobe_predictions_total", "Images classified, by the label they got.", (*_VERSION, "label"), registry=IN_PROCESS)
CONFIDENCE = Histogram(
    "wardrobe_prediction_confidence",
    "Probability of the label that an image got.",
    _VERSION,
    registry=IN_PROCESS,
    buckets=(0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999),
)
WARNINGS = Counter("wardrobe_prediction_warnings_total", "Warnings given with predictions.", (*_VERSION, "kind"), registry=IN_PROCESS)
READY = Gauge(
    "wardrobe_model_ready",
    "Whether every worker has an intact version of the model, which answered its golden images when last asked.",
    ("model", "required"),
    registry=IN_PROCESS,
    multiprocess_mode="livemin",
)
VERSIONS = Gauge(
    "wardrobe_model_version_workers",
    "Workers in which the version has this state.",
    (*_VERSION, "state"),
    registry=IN_PROCESS,
    multiprocess_mode="livesum",
)
LOADS = Counter("wardrobe_model_loads_total", "Attempts to load a version, in each worker.", ("model", "outcome"), registry=IN_PROCESS)

KINDS: tuple[Kind, ...] = get_args(Kind)
STATES: tuple[State, ...] = get_args(State)


class RequestTelemetry:
    """Requests by method, route and status. Each of these has few values, whatever clients send."""

    def __init__(self) -> None:
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        IN_FLIGHT.set(0)  # a dead worker that had this one's process id may have left another figure

    def finished(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request to the path template `route`."""
        try:
            count, duration = self._children[method, route, status]
        except KeyError:
            count, duration = REQUESTS.labels(method, route, status), DURATION.labels(route, status)
            self._children[method, route, status] = count, duration
        count.inc()
        duration.observe(seconds)


class ModelTelemetry:
    """The predictions of one version. All its series exist from the start, or Prometheus would miss the first of each label."""

    def __init__(self, name: str, version: int, labels: Sequence[str]) -> None:
        self._inference = INFERENCE.labels(name, version)
        self._batch_size = BATCH_SIZE.labels(name, version)
        self._predictions = [PREDICTIONS.labels(name, version, label) for label in labels]
        self._confidence = CONFIDENCE.labels(name, version)
        self._warnings = {kind: WARNINGS.labels(name, version, kind) for kind in KINDS}

    def answered(self, probabilities: npt.NDArray[np.float32], seconds: float) -> None:
        """Count a run that gave `probabilities`, float32 `[n, classes]`."""
        self._inference.observe(seconds)
        self._batch_size.observe(len(probabilities))
        if len(probabilities) == 1:
            [only] = probabilities
            index = only.argmax()
            self._predictions[index].inc()
            self._confidence.observe(float(only[index]))
            return
        for child, images in zip(
            self._predictions, np.bincount(probabilities.argmax(axis=1), minlength=len(self._predictions)), strict=True
        ):
            child.inc(int(images))
        for confidence in probabilities.max(axis=1).tolist():
            self._confidence.observe(confidence)

    def warned(self, kind: Kind) -> None:
        """Count a warning."""
        self._warnings[kind].inc()


def loaded(name: str, *, succeeded: bool) -> None:
    """Count an attempt to load a version of the model `name`."""
    children = {outcome: LOADS.labels(name, outcome) for outcome in ("success", "failure")}
    children["success" if succeeded else "failure"].inc()


def ready(name: str, *, required: bool, is_ready: bool) -> None:
    """State whether the model `name` can answer."""
    READY.labels(name, str(required).lower()).set(is_ready)


def states(name: str, versions: Mapping[int, State], known: Collection[int] = ()) -> None:
    """State what became of the `versions` of the model `name`, and that those `known` before and not among them have no state any more."""
    for version in {*versions, *known}:
        for state in STATES:
            VERSIONS.labels(name, version, state).set(state == versions.get(version))

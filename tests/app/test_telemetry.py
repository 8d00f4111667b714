"""What the service counts, over real HTTP: exact after known requests, bounded whatever is asked."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.manifest import BrokenVersionError
from app.registry import Registry
from app.settings import Settings
from app.telemetry import IN_PROCESS, KINDS, STATES
from tests import data
from tests.app.figures import Figures, ask, begun, eventually, running
from tests.app.folders import LOADED, NEWEST, paper_models
from tests.conftest import encoded, png
from tests.server import Server
from training.data import LABELS, Dataset

BOOT = data.BOOT.read_bytes()
CNN = str(NEWEST["cnn"])


@pytest.mark.parametrize("workers", [1, 3])
def test_counts_are_exact(models: Path, dataset: Dataset, workers: int) -> None:
    images = [png(each) for each in dataset.test_images[:40, ..., 0]]
    with Server(models_dir=str(models), workers=workers) as server:
        running(server, workers)
        before = Figures(server)
        answers = [ask(server, "POST", "/predict", files={"file": each}).json() for each in images]
        answers += ask(server, "POST", "/predict/batch", files=[("files", each) for each in [*images, b"broken"]]).json()["results"][:-1]
        sides = [ask(server, "POST", "/compare", files={"file": each}).json()["models"] for each in images[:5]]
        answers += [each["cnn"] for each in sides]
        trousers = [("files", png(each)) for each in dataset.test_images[dataset.test_labels == LABELS.index("Trouser")][:3, ..., 0]]
        assert {each["label"] for each in ask(server, "POST", "/predict/batch?model=ann", files=trousers).json()["results"]} == {"Trouser"}
        ask(server, "POST", "/explain", files={"file": images[0]}).raise_for_status()
        ask(server, "POST", "/predict", files={"file": b"broken"})
        ask(server, "GET", "/readyz").raise_for_status()
        ask(server, "HEAD", "/models/cnn").raise_for_status()
        figures = Figures(server)
    labels = [each["label"] for each in answers]
    assert len(labels) == 85
    for label in set(labels):
        assert figures("wardrobe_predictions_total", model="cnn", version=CNN, label=label) == labels.count(label)
    assert figures("wardrobe_predictions_total", model="cnn") == 85
    assert figures("wardrobe_predictions_total", model="ann") == 5 + 3
    assert figures("wardrobe_predictions_total", model="resnet") == 5
    assert before("wardrobe_predictions_total") == 0
    assert not [each for each in figures.names if each.endswith("_created")]  # as many again, and not with several workers
    assert len({each for each in before.series if each[0] == "wardrobe_predictions_total"}) == 10 * len(LOADED)  # each exists at once

    cnn = {"model": "cnn", "version": CNN}
    assert figures("wardrobe_inference_duration_seconds_count", **cnn) == 46  # one run for the batch, none for golden images
    assert figures("wardrobe_inference_duration_seconds_sum", **cnn) > 0
    assert figures("wardrobe_inference_batch_size_sum", **cnn) == 85
    assert figures("wardrobe_inference_batch_size_bucket", **cnn, le="1.0") == 45
    assert figures("wardrobe_inference_batch_size_bucket", **cnn, le="64.0") == 46
    confidences = [each["confidence"] for each in answers]
    assert figures("wardrobe_prediction_confidence_count", **cnn) == 85
    assert figures("wardrobe_prediction_confidence_sum", **cnn) == pytest.approx(sum(confidences), abs=1e-4)
    assert figures("wardrobe_prediction_confidence_bucket", **cnn, le="0.9") == sum(each <= 0.9 for each in confidences) > 0

    requests = "wardrobe_http_requests_total"
    assert figures(requests, method="POST", route="/predict", status=200) == 40
    assert figures(requests, method="POST", route="/predict", status=415) == 1
    assert figures(requests, method="POST", route="/predict/batch", status=200) == 2
    assert figures(requests, method="POST", route="/compare", status=200) == 5
    assert figures(requests, method="HEAD", route="/models/{name}", status=200) == 1
    assert figures("wardrobe_http_request_duration_seconds_count", route="/predict", status=200) == 40
    assert figures("wardrobe_http_request_duration_seconds_sum", route="/predict", status=200) > 0
    assert figures("wardrobe_http_requests_in_flight") == 1  # the scrape

    assert figures("wardrobe_model_loads_total", outcome="success") == workers * len(LOADED)
    assert figures("wardrobe_model_loads_total", outcome="failure") == 0
    for name, version in LOADED:
        state = "served" if version == NEWEST[name] else "loaded"
        for each in STATES:
            in_workers = figures("wardrobe_model_version_workers", model=name, version=version, state=each)
            assert in_workers == (workers if each == state else 0)
        assert figures("wardrobe_model_ready", model=name, required=str(name in ("ann", "cnn")).lower()) == 1


def test_other_protocols_count_as_well(models: Path, dataset: Dataset) -> None:
    some = dataset.test_images[:3]
    with Server(models_dir=str(models)) as server:
        for version in ("", "/versions/1"):
            ask(server, "GET", f"/v2/models/cnn{version}").raise_for_status()
            ask(server, "POST", f"/v1/models/cnn{version}:predict", json={"instances": some.tolist()}).raise_for_status()
            headers = {"Inference-Header-Content-Length": "0"}
            ask(server, "POST", f"/v2/models/cnn{version}/infer", content=some.tobytes(), headers=headers).raise_for_status()
        figures = Figures(server)
    for version in (CNN, "1"):
        assert figures("wardrobe_predictions_total", model="cnn", version=version) == 6
        assert figures("wardrobe_inference_duration_seconds_count", model="cnn", version=version) == 2
    for path in ("/models/{name}", "/models/{name}/versions/{version}"):
        for route in (f"/v2{path}", f"/v1{path}:predict", f"/v2{path}/infer"):
            assert figures("wardrobe_http_requests_total", route=route, status=200) == 1, route


def test_whatever_is_asked_there_are_no_more_series(models: Path) -> None:
    def nonsense(server: Server, number: int) -> None:
        name = f"n{number}"
        for path in (f"/{name}", f"/models/{name}", f"/models/cnn/versions/{number + 50}/report", f"/static/{name}.js", f"/predict/{name}"):
            server.http.get(path)
        server.http.post(f"/predict?model={name}", files={"file": BOOT})
        server.http.post(f"/predict?version={number + 50}", files={"file": BOOT})
        server.http.post("/predict", content=bytes(6000), headers={"Content-Type": "image/png", "X-Request-ID": name})
        for method in ("PROPFIND", "MKCOL", "PURGE", "LINK", "TRACE", "CONNECT"):
            server.http.request(method, f"/models/{name}")

    with Server(models_dir=str(models), max_body_bytes=5000) as server:
        nonsense(server, 0)
        Figures(server)
        before = Figures(server)
        for number in range(1, 20):
            nonsense(server, number)
        after = Figures(server)
    assert after.series == before.series
    assert after.values("wardrobe_http_requests_total", "method") == {"GET", "POST", "other"}
    assert after.values("wardrobe_http_requests_total", "route") == {
        "unmatched",
        "/healthz",
        "/models/{name}",
        "/models/{name}/versions/{version}/report",
        "/static",
        "/predict",
        "/telemetry",
    }
    assert after("wardrobe_http_requests_total", route="/models/{name}", method="GET", status=404) == 20
    assert after("wardrobe_http_requests_total", route="unmatched", status=413) == 20


def test_every_warning_has_its_kind(models: Path, dataset: Dataset) -> None:
    garment = dataset.test_images[0, ..., 0]
    noise = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    noise[[0, -1]] = noise[:, [0, -1]] = 0
    animated = encoded(Image.fromarray(garment), "PNG", save_all=True, append_images=[Image.fromarray(255 - garment)])
    files = [png(np.zeros((28, 28), np.uint8)), png(255 - garment), png(noise), animated, png(garment)]
    sentences = {
        "blank": "The image is blank",
        "bright_border": "The image has a bright border",
        "unfamiliar": "Unlike the images",
        "near_tie": "A near tie",
        "several_pictures": "The file holds 2 pictures",
    }
    files += [png(each) for each in dataset.test_images[:200, ..., 0]]  # near ties among them
    with Server(models_dir=str(models)) as server:
        results = [server.http.post("/predict", files={"file": each}).json() for each in files[:5]]
        results += server.http.post("/predict/batch", files=[("files", each) for each in files[5:]]).json()["results"]
        figures = Figures(server)
    given = [warning for each in results for warning in each["warnings"]]
    assert set(sentences) == set(KINDS)
    for kind, words in sentences.items():
        expected = sum(each.startswith(words) for each in given)
        assert figures("wardrobe_prediction_warnings_total", model="cnn", version=CNN, kind=kind) == expected > 0
    assert figures("wardrobe_prediction_warnings_total") == len(given)


def test_a_broken_version_and_a_missing_model_are_seen(tmp_path: Path) -> None:
    models = paper_models(tmp_path / "models")
    (models / "cnn" / "1" / "card.json").write_text("{}")
    with Server(models_dir=str(models), required_models=["ann", "cnn", "vgg"], default_model="ann") as server:
        figures = Figures(server)
    assert figures("wardrobe_model_ready", model="ann", required="true") == 1
    for name in ("cnn", "vgg"):
        assert ("wardrobe_model_ready", ("model", name), ("required", "true")) in figures.series
        assert figures("wardrobe_model_ready", model=name) == 0
    assert figures("wardrobe_model_loads_total", model="cnn", outcome="failure") == 1
    assert figures("wardrobe_model_version_workers", model="cnn", version=1, state="broken") == 1


def test_a_model_that_no_longer_answers_its_golden_images_is_not_ready(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def off() -> None:
        raise BrokenVersionError("its answers to the golden images are off by 0.5")

    registry = Registry(Settings(models_dir=models))
    monkeypatch.setattr(registry.model("cnn"), "check", off)
    for expected, state in (("off by 0.5", 0), (None, 1)):
        assert (expected is None) == (not registry.failures())
        assert IN_PROCESS.get_sample_value("wardrobe_model_ready", {"model": "cnn", "required": "true"}) == state
        assert IN_PROCESS.get_sample_value("wardrobe_model_ready", {"model": "ann", "required": "true"}) == 1
        monkeypatch.undo()


def test_a_client_that_hangs_up_is_counted_and_no_longer_in_flight(models: Path) -> None:
    with Server(models_dir=str(models)) as server:
        with begun(server):
            eventually(lambda: Figures(server)("wardrobe_http_requests_in_flight") == 2)
        eventually(lambda: Figures(server)("wardrobe_http_requests_in_flight") == 1)
        assert Figures(server)("wardrobe_http_requests_total", route="/predict", status=499) == 1


def bounds(figures: Figures, name: str) -> list[str]:
    return sorted(figures.values(f"{name}_bucket", "le"), key=float)


@pytest.mark.parametrize(
    ("name", "shortest", "longest"),
    [("wardrobe_http_request_duration_seconds", 0.00025, 10), ("wardrobe_inference_duration_seconds", 0.00002, 2)],
)
def test_a_time_is_known_to_a_factor_of_two_and_a_half(server: Server, name: str, shortest: float, longest: float) -> None:
    server.http.post("/predict", files={"file": BOOT}).raise_for_status()
    *finite, last = map(float, bounds(Figures(server), name))
    assert (finite[0], finite[-1], last) == (shortest, longest, float("inf"))
    assert max(high / low for low, high in pairwise(finite)) <= 2.5


def test_the_buckets_tell_confidences_apart(server: Server, dataset: Dataset) -> None:
    name = "wardrobe_prediction_confidence"
    before = Figures(server)
    files = [("files", png(each)) for each in dataset.test_images[:256, ..., 0]]
    server.http.post("/predict/batch", files=files).raise_for_status()
    after = Figures(server)
    up_to = [after(f"{name}_bucket", le=le) - before(f"{name}_bucket", le=le) for le in bounds(after, name)]
    assert up_to[-1] == 256
    assert max(high - low for low, high in pairwise([0, *up_to])) < 0.7 * 256  # most are sure, of whom some are surer
    assert len(set(up_to)) > 8

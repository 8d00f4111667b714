"""OpenVINO and TensorFlow execute the same SavedModels to the same answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from app import runtime
from app.runtime import AT_ONCE, Images, OpenVINO, Output, TensorFlow
from tests.app.folders import LOADED
from tests.server import Server
from training.data import Dataset


@pytest.mark.parametrize(("name", "version"), LOADED)
def test_they_agree_on_every_test_image(models: Path, dataset: Dataset, name: str, version: int) -> None:
    folder = models / name / str(version)
    openvino, tensorflow = OpenVINO(folder), TensorFlow(folder)
    for start in range(0, len(dataset.test_images), 1000):
        images = dataset.test_images[start : start + 1000]
        served, reference = openvino(images), tensorflow(images)
        assert (served.probabilities.argmax(axis=1) == reference.probabilities.argmax(axis=1)).all()
        np.testing.assert_allclose(served.probabilities, reference.probabilities, atol=1e-5)
        np.testing.assert_allclose(served.logits, reference.logits, atol=1e-4)


def test_one_image_gives_the_same_answer_as_in_a_batch(models: Path, dataset: Dataset) -> None:
    run = OpenVINO(models / "cnn" / "1")
    together = run(dataset.test_images[:50]).probabilities
    alone = np.concatenate([run(dataset.test_images[i : i + 1]).probabilities for i in range(50)])
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_a_batch_takes_no_more_memory_than_a_few_images(models: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[tuple[int, int]] = []
    run_batch = runtime.FixedBatch.__call__

    def watched(batch: runtime.FixedBatch, images: Images) -> Output:
        runs.append((batch.size, len(images)))
        return run_batch(batch, images)

    monkeypatch.setattr(runtime.FixedBatch, "__call__", watched)
    run = OpenVINO(models / "cnn" / "1")
    for count in (1, AT_ONCE, 2 * AT_ONCE + 1, 3):
        assert len(run(dataset.test_images[:count]).probabilities) == count
    assert runs == [(1, 1), (AT_ONCE, AT_ONCE), (AT_ONCE, AT_ONCE), (AT_ONCE, AT_ONCE), (AT_ONCE, 1), (AT_ONCE, 3)]


def test_an_output_is_not_overwritten_by_the_next_call(models: Path, dataset: Dataset) -> None:
    run = OpenVINO(models / "cnn" / "1")
    first = run(dataset.test_images[:1]).probabilities
    kept = first.copy()
    run(dataset.test_images[1:2])
    assert (first == kept).all()


def test_threads_do_not_mix_their_images(models: Path, dataset: Dataset) -> None:
    run = OpenVINO(models / "cnn" / "1")
    images = dataset.test_images[:64]
    expected = run(images).probabilities

    def ask(start: int) -> bool:
        for _ in range(50):
            for count in (1, 5):
                found = run(images[start : start + count]).probabilities
                if np.abs(found - expected[start : start + count]).max() > 1e-5:
                    return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(0, 59, 7)))


def test_the_service_runs_on_tensorflow_too(models: Path, dataset: Dataset, server: Server) -> None:
    from tests.conftest import png

    image = png(dataset.test_images[0, ..., 0])
    with Server(models_dir=str(models), runtime="tensorflow") as reference:
        assert reference.http.get("/readyz").status_code == 200
        expected = reference.http.post("/predict", files={"file": image}).json()
    assert server.http.post("/predict", files={"file": image}).json()["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)

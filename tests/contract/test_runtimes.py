"""LiteRT, OpenVINO and TensorFlow execute the published models to the same answers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tensorflow
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from app.runtime import AT_ONCE, RUNTIMES, Batched, Images, Output, TensorFlow
from tests.app.folders import LOADED
from tests.server import Server
from training.data import Dataset

ENGINES = ["litert", "openvino"]
engines = pytest.mark.parametrize("engine", ENGINES)


@pytest.mark.parametrize(("name", "version"), LOADED)
def test_they_agree_on_every_test_image(models: Path, dataset: Dataset, name: str, version: int) -> None:
    folder = models / name / str(version)
    reference, others = TensorFlow(folder), [RUNTIMES[engine](folder) for engine in ENGINES]
    for start in range(0, len(dataset.test_images), 1000):
        images = dataset.test_images[start : start + 1000]
        expected = reference(images)
        for served in (other(images) for other in others):
            assert (served.probabilities.argmax(axis=1) == expected.probabilities.argmax(axis=1)).all()
            np.testing.assert_allclose(served.probabilities, expected.probabilities, atol=1e-5)
            np.testing.assert_allclose(served.logits, expected.logits, atol=1e-4)


@engines
def test_one_image_gives_the_same_answer_as_in_a_batch(models: Path, dataset: Dataset, engine: str) -> None:
    run = RUNTIMES[engine](models / "cnn" / "1")
    together = run(dataset.test_images[:50]).probabilities
    alone = np.concatenate([run(dataset.test_images[i : i + 1]).probabilities for i in range(50)])
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_a_batch_takes_no_more_memory_than_a_few_images() -> None:
    runs: list[tuple[int, int]] = []

    class Counted:
        def __init__(self, size: int) -> None:
            self.size = size

        def __call__(self, images: Images) -> Output:
            runs.append((self.size, len(images)))
            return Output(np.zeros((len(images), 10), np.float32), np.zeros((len(images), 10), np.float32))

    run = Batched(Counted(1), Counted(AT_ONCE))
    for count in (1, AT_ONCE, 2 * AT_ONCE + 1, 3):
        assert len(run(np.zeros((count, 28, 28, 1), np.uint8)).probabilities) == count
    assert runs == [(1, 1), (AT_ONCE, AT_ONCE), (AT_ONCE, AT_ONCE), (AT_ONCE, AT_ONCE), (AT_ONCE, 1), (AT_ONCE, 3)]


@engines
def test_an_output_is_not_overwritten_by_the_next_call(models: Path, dataset: Dataset, engine: str) -> None:
    run = RUNTIMES[engine](models / "cnn" / "1")
    first = run(dataset.test_images[:1]).probabilities
    kept = first.copy()
    run(dataset.test_images[1:2])
    assert (first == kept).all()


@engines
def test_threads_do_not_mix_their_images(models: Path, dataset: Dataset, engine: str) -> None:
    run = RUNTIMES[engine](models / "cnn" / "1")
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


@pytest.mark.parametrize("engine", ["openvino", "tensorflow"])
def test_the_service_runs_on_others_too(models: Path, dataset: Dataset, server: Server, engine: str) -> None:
    from tests.conftest import png

    image = png(dataset.test_images[0, ..., 0])
    with Server(models_dir=str(models), runtime=engine) as reference:
        assert reference.http.get("/readyz").status_code == 200
        expected = reference.http.post("/predict", files={"file": image}).json()
    assert server.http.post("/predict", files={"file": image}).json()["probabilities"] == pytest.approx(expected["probabilities"], abs=1e-5)


@pytest.mark.parametrize(("name", "version"), LOADED)
def test_the_signature_is_the_documented_one(server: Server, models: Path, name: str, version: int) -> None:
    """`tf.saved_model.load` and what `/v1` says of it."""
    loaded = tensorflow.saved_model.load(str(models / name / str(version)))
    signature = loaded.signatures["serving_default"]
    said = server.http.get(f"/v1/models/{name}/versions/{version}/metadata").json()["metadata"]["signature_def"]["signature_def"]
    described = SavedModel.FromString((models / name / str(version) / "saved_model.pb").read_bytes()).meta_graphs[0]
    for kind, tensors in (("inputs", signature.structured_input_signature[1]), ("outputs", signature.structured_outputs)):
        stored = getattr(described.signature_def["serving_default"], kind)
        assert {key: each["name"] for key, each in said["serving_default"][kind].items()} == {
            key: each.name for key, each in stored.items()
        }
        for key, tensor in tensors.items():
            given = said["serving_default"][kind][key]
            assert given["dtype"] == {"uint8": "DT_UINT8", "float32": "DT_FLOAT"}[tensor.dtype.name]
            assert [int(each["size"]) for each in given["tensor_shape"]["dim"]] == [-1 if each is None else each for each in tensor.shape]

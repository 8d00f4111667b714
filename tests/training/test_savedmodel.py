"""The published graph: the signature every client relies on, the network's own answers, every weight once, nothing of this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from scipy.special import softmax

from app.runtime import RUNTIMES
from tests.training.conftest import REPOSITORY, Trial
from training.architectures import ARCHITECTURES, scaled
from training.data import Dataset
from training.optimization import renew_statistics
from training.savedmodel import SavedModel, convert, export, predict

NAMES = ["ann", "cnn", "resnet"]
TEMPERATURE = 1.7


@pytest.fixture(scope="module")
def images() -> npt.NDArray[np.uint8]:
    """Noise, blank images at both ends of the range, and a gradient."""
    random = np.random.default_rng(0).integers(0, 256, (60, 28, 28, 1), np.uint8)
    gradient = np.broadcast_to(np.linspace(0, 255, 28, dtype=np.uint8)[:, None, None], (1, 28, 28, 1))
    return np.concatenate([random, np.zeros_like(random[:1]), np.full_like(random[:1], 255), gradient])


@pytest.fixture(scope="module", params=NAMES)
def exported(request: pytest.FixtureRequest, dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[keras.Model, Path]:
    keras.utils.set_random_seed(7)
    model = ARCHITECTURES[request.param]()
    model.set_weights([1.4 * weight for weight in model.get_weights()])  # surer answers than an untrained network's
    renew_statistics(model, [np.asarray(scaled(dataset.train_images[:500]))])
    folder = tmp_path_factory.mktemp(request.param)
    export(model, folder)
    return model, folder


def test_the_one_signature_is_the_designs(exported: tuple[keras.Model, Path]) -> None:
    loaded = tf.saved_model.load(str(exported[1]))
    assert list(loaded.signatures) == ["serving_default"]
    signature = loaded.signatures["serving_default"]
    ((positional, inputs),) = [signature.structured_input_signature]
    assert positional == ()
    assert {name: (spec.dtype, spec.shape.as_list()) for name, spec in inputs.items()} == {"image": (tf.uint8, [None, 28, 28, 1])}
    assert {name: (spec.dtype, spec.shape.as_list()) for name, spec in signature.structured_outputs.items()} == {
        "probabilities": (tf.float32, [None, 10]),
        "logits": (tf.float32, [None, 10]),
    }


def test_the_graph_answers_as_the_network_does_on_scaled_images(exported: tuple[keras.Model, Path], images: npt.NDArray[np.uint8]) -> None:
    model, folder = exported
    expected = np.asarray(model(np.asarray(scaled(images)), training=False))
    prediction = predict(folder, images)
    assert prediction.probabilities.dtype == prediction.logits.dtype == np.float32
    np.testing.assert_allclose(prediction.probabilities, expected, rtol=0, atol=1e-5)
    assert np.ptp(expected, axis=0).max() > 0.01  # the images do get different answers


def test_probabilities_are_the_softmax_of_the_logits(exported: tuple[keras.Model, Path], images: npt.NDArray[np.uint8]) -> None:
    prediction = predict(exported[1], images)
    exponentials = np.exp(prediction.logits.astype(np.float64))
    np.testing.assert_allclose(prediction.probabilities, exponentials / exponentials.sum(axis=1, keepdims=True), rtol=0, atol=1e-6)
    np.testing.assert_allclose(prediction.probabilities.sum(axis=1), 1, atol=1e-6)


def test_logits_are_divided_by_the_temperature(exported: tuple[keras.Model, Path], images: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    model, folder = exported
    export(model, tmp_path, TEMPERATURE)
    plain, divided = predict(folder, images), predict(tmp_path, images)
    np.testing.assert_allclose(divided.logits, plain.logits / np.float32(TEMPERATURE), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(divided.probabilities, softmax(divided.logits.astype(np.float64), axis=1), rtol=0, atol=1e-6)
    assert np.abs(divided.probabilities - plain.probabilities).max() > 0.01


def test_a_mirrored_graph_gives_the_mean_of_the_logits_of_both_images(
    exported: tuple[keras.Model, Path], images: npt.NDArray[np.uint8], tmp_path: Path
) -> None:
    """Also to a single image; the temperature divides the mean."""
    model, folder = exported
    export(model, tmp_path, TEMPERATURE, mirrored=True)
    plain, mirrored = (predict(folder, each).logits for each in (images, images[:, :, ::-1]))
    found = predict(tmp_path, images)
    np.testing.assert_allclose(found.logits, (plain + mirrored) / 2 / TEMPERATURE, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.probabilities, softmax(found.logits.astype(np.float64), axis=1), rtol=0, atol=1e-6)
    assert np.abs(plain - mirrored).max() > 0.1
    np.testing.assert_allclose(predict(tmp_path, images[:1]).logits, found.logits[:1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("mirrored", [False, True], ids=["plain", "mirrored"])
@pytest.mark.parametrize("engine", ["litert", "openvino"])
def test_the_engines_agree_on_a_calibrated_graph(
    exported: tuple[keras.Model, Path], dataset: Dataset, tmp_path: Path, engine: str, mirrored: bool
) -> None:
    """On real images; they are what serves the graph."""
    export(exported[0], tmp_path, TEMPERATURE, mirrored)
    convert(tmp_path)
    shown = dataset.test_images[:200]
    expected, found = predict(tmp_path, shown), RUNTIMES[engine](tmp_path)(shown)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.logits, expected.logits, rtol=1e-5, atol=1e-5)
    assert np.ptp(expected.logits) > 1


def test_a_graph_can_be_written_over(exported: tuple[keras.Model, Path], images: npt.NDArray[np.uint8], tmp_path: Path) -> None:
    """As a recipe that calibrates does, once it knows the temperature."""
    model, folder = exported
    export(model, tmp_path)
    files = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    export(model, tmp_path, TEMPERATURE)
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == files
    assert predict(tmp_path, images[:1]).logits[0, 0] == pytest.approx(predict(folder, images[:1]).logits[0, 0] / TEMPERATURE, rel=1e-5)


def test_batches_and_their_order_do_not_matter(exported: tuple[keras.Model, Path], images: npt.NDArray[np.uint8]) -> None:
    whole = predict(exported[1], images)
    in_parts = SavedModel(exported[1]).predict(images, batch_size=17)
    np.testing.assert_allclose(in_parts.logits, whole.logits, rtol=0, atol=1e-5)
    assert in_parts.probabilities.shape == whole.probabilities.shape == (len(images), 10)


@pytest.mark.parametrize(("name", "parameters"), [("ann", 227_018), ("cnn", 69_834), ("resnet", 464_810)], ids=NAMES)
def test_every_weight_is_stored_once(name: str, parameters: int, trial: Trial) -> None:
    (file,) = (trial.models / name / "1" / "variables").glob("variables.data-*")
    assert 4 * parameters <= file.stat().st_size <= 4 * parameters + 8192


@pytest.mark.parametrize("name", NAMES)
def test_no_path_of_this_machine_is_inside(name: str, trial: Trial) -> None:
    private = [str(path).encode() for path in (REPOSITORY, trial.models.parent, Path.home(), sys.prefix, sys.base_prefix)]
    private += [b"site-packages", b"training/", b".py"]
    for path in (trial.models / name / "1").rglob("*"):
        if path.is_file() and path.suffix not in {".png", ".html"}:
            content = path.read_bytes()
            assert [each for each in private if len(each) > 5 and each in content] == [], path


def test_a_folder_that_cannot_be_written_to_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="is not a directory"):
        export(ARCHITECTURES["ann"](), tmp_path / "file" / "model")

"""The figures: every one is written, small, readable and the same each time; the drawing holds for any list of layers."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from training.architectures import ARCHITECTURES
from training.card import card, layer
from training.data import Dataset
from training.drawing import description, network, shape
from training.evaluate import Evaluation, evaluate
from training.fit import Fit
from training.plots import PLOTS, draw
from training.recipes import RECIPES
from training.savedmodel import export

WIDTH = 720
LARGEST_BYTES = 60_000
HISTORY = {
    "loss": [1.9, 1.2, 0.9, 0.7],
    "accuracy": [0.31, 0.52, 0.63, 0.7],
    "val_loss": [1.4, 1.0, 0.8, 0.85],
    "val_accuracy": [0.45, 0.6, 0.71, 0.69],
}


def small_evaluation(name: str, folder: Path) -> Evaluation:
    """The real evaluation of an untrained network on 300 grained rectangles; T-shirt/top has 48 of them, the others have 28."""
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(10, dtype=np.uint8), 30)
    labels[-20:] = 0  # or macro and weighted averages would be the same
    images = np.zeros((300, 28, 28, 1), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[3:25, 4 + label : 24 - label] = random.integers(120, 250) + random.integers(-40, 5, (22, 20 - 2 * label, 1))
    dataset = Dataset(images, labels, images[::-1].copy(), labels)
    keras.utils.set_random_seed(0)
    model = ARCHITECTURES[name]()
    export(model, folder)
    return evaluate(folder, card(name, 3, RECIPES[name], Fit(model, HISTORY, best_epoch=3, duration_s=125.2)), dataset)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return small_evaluation("cnn", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def plots(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "deeper" / "plots"
    draw(evaluation, folder)
    return folder


def test_every_figure_is_written_and_no_other_file(plots: Path) -> None:
    assert sorted(contents(plots)) == sorted(PLOTS)


@pytest.mark.parametrize("name", PLOTS)
def test_a_figure_is_a_small_png_with_something_on_it(plots: Path, name: str) -> None:
    with Image.open(plots / name) as image:
        image.load()
        assert image.format == "PNG"
        assert image.width == WIDTH
        assert 450 <= image.height <= 1400
        assert len(image.convert("RGB").getcolors(1 << 24) or []) > 16
        assert not image.info.keys() & {"Creation Time", "Software"}
    assert (plots / name).stat().st_size <= LARGEST_BYTES


@pytest.mark.parametrize("name", PLOTS)
def test_a_figure_is_described_in_sentences(name: str) -> None:
    plot = PLOTS[name]
    assert plot.title
    assert plot.alt.endswith(".")
    assert plot.caption.endswith(".")
    assert len({plot.title, plot.alt, plot.caption}) == 3


def test_the_same_evaluation_gives_the_same_bytes_whatever_the_readers_settings(
    evaluation: Evaluation, plots: Path, tmp_path: Path
) -> None:
    with matplotlib.rc_context({"font.size": 30, "lines.linewidth": 9, "savefig.bbox": "tight"}):
        before = dict(matplotlib.rcParams)
        draw(evaluation, tmp_path)
        assert dict(matplotlib.rcParams) == before
    assert contents(tmp_path) == contents(plots)


def test_the_figures_follow_the_evaluation_even_of_a_faultless_model_of_one_epoch(
    evaluation: Evaluation, plots: Path, tmp_path: Path
) -> None:
    report = copy.deepcopy(evaluation.report)
    report["history"] = {key: values[:1] for key, values in report["history"].items()}
    report["best_epoch"] = 1
    report["examples"]["misclassified"] = []
    faultless = np.eye(10, dtype=np.float32)[evaluation.true]
    draw(dataclasses.replace(evaluation, report=report, predicted=evaluation.true, probabilities=faultless), tmp_path)
    before, after = contents(plots), contents(tmp_path)
    assert {name for name in PLOTS if before[name] == after[name]} == {"data.png", "network.png", "correct.png"}
    assert _has_training_colour_mid_way(tmp_path / "loss.png"), "one point makes no line, so it needs a mark"


def _has_training_colour_mid_way(path: Path) -> bool:
    """Whether the training curve's colour shows where a single epoch stands; the legend stands beside it."""
    with Image.open(path) as image:
        middle = np.asarray(image.convert("RGB"), int)[:, 385:412]
    return bool((np.abs(middle - (0x00, 0x72, 0xB2)).max(axis=2) < 8).any())


ROWS: list[dict[str, Any]] = [
    {"name": "a", "type": "Embedding", "output_shape": [None, None, 16], "parameters": 16_000},
    {
        "name": "b",
        "type": "SeparableConvolution2DTranspose",
        "output_shape": [None, 128, 128, 2048],
        "parameters": 12_345_678,
        "kernel_size": [11, 11],
    },
    {"name": "c", "type": "BatchNormalization", "output_shape": [None, 7, 4, 2048], "parameters": 4},
    {"name": "d", "type": "AveragePooling2D", "output_shape": [None, 3, 2, 2048], "parameters": 0, "pool_size": [2, 3]},
    {"name": "e", "type": "Dense", "output_shape": [None, 100_000], "parameters": 1, "activation": "linear"},
    {"name": "f", "type": "Lambda", "output_shape": [None], "parameters": 0, "activation": "relu"},
]


def test_a_layer_is_described_by_what_sets_it_apart() -> None:
    texts = [(description(row), shape(row)) for row in ROWS]
    assert texts[0] == ("Embedding", "? × 16")
    assert texts[1] == ("SeparableConvolution2DTranspose 11×11", "128 × 128 × 2,048")
    assert texts[3] == ("AveragePooling2D 2×3", "3 × 2 × 2,048")
    assert texts[4] == ("Dense", "100,000")
    assert texts[5] == ("Lambda relu", "scalar")
    assert description({"type": "Dropout", "rate": 0.2}) == "Dropout 0.2"


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], []], ids=["six layers", "one layer", "none"])
def test_the_drawing_names_every_layer_and_the_total(rows: list[dict[str, Any]]) -> None:
    texts = [text.get_text() for text in network(rows, [None, 28, 28, 1]).axes[0].texts]
    assert "28 × 28 × 1" in texts
    for row in rows:
        assert description(row) in texts
        assert shape(row) in texts
        assert (f"{row['parameters']:,}" if row["parameters"] else "–") in texts
    assert texts[-1] == f"total {sum(row['parameters'] for row in rows):,}"
    assert texts.count("") == len(rows), "one arrow into each layer"


@pytest.mark.parametrize("layers", ["ann", "cnn", "any"])
def test_nothing_in_the_drawing_overlaps_or_is_cut_off(layers: str, evaluation: Evaluation) -> None:
    rows = ROWS if layers == "any" else [layer(each) for each in ARCHITECTURES[layers]().layers]
    figure = network(rows, [None, 28, 28, 1])
    boxes = _extents(figure)
    for index, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert 0 <= box.y0 < box.y1 <= figure.bbox.height
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def _extents(figure: Figure) -> list[Any]:
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib leaves the method untyped
    renderer = canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_text()]

"""The figures: every one is written, small, readable and the same each time; each tells what the evaluation holds."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any

import keras
import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from training.architectures import ARCHITECTURES
from training.card import card
from training.data import Dataset
from training.evaluate import Evaluation, evaluate
from training.fit import Fit
from training.pages import curves, grids, trust
from training.pages.plots import PLOTS, draw
from training.recipes import PAPER_RECIPES, Recipe
from training.savedmodel import export
from training.teacher import Teacher

WIDTH = 720
LARGEST_BYTES = 60_000
HISTORY = {
    "loss": [1.9, 1.2, 0.9, 0.7],
    "accuracy": [0.31, 0.52, 0.63, 0.7],
    "val_loss": [1.4, 1.0, 0.8, 0.85],
    "val_accuracy": [0.45, 0.6, 0.71, 0.69],
}
TAUGHT = dataclasses.replace(
    PAPER_RECIPES["cnn"],
    early_stopping_patience=None,
    weight_average=0.999,
    teacher="resnet",
    mirrored=True,
    calibrated=True,
    validation_fraction=0.1,
)


def small_evaluation(recipe: Recipe, folder: Path) -> Evaluation:
    """The real evaluation of an untrained network on 300 grained rectangles; T-shirt/top has 48 of them, the others have 28."""
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(10, dtype=np.uint8), 30)
    labels[-20:] = 0  # or macro and weighted averages would be the same
    images = np.zeros((300, 28, 28, 1), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[3:25, 4 + label : 24 - label] = random.integers(120, 250) + random.integers(-40, 5, (22, 20 - 2 * label, 1))
    dataset = Dataset(images, labels, images[::-1].copy(), labels)
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model = ARCHITECTURES[recipe.architecture]()
    temperature = 1.25 if recipe.calibrated else 1.0
    export(model, folder, temperature, recipe.mirrored)
    fitted = Fit(model, HISTORY, best_epoch=3 if recipe.early_stopping_patience else 4, epoch_durations_s=[31.3] * 4)
    guide = Teacher("resnet", 1, folder) if recipe.teacher else None
    return evaluate(folder, card(recipe.architecture, 3, recipe, fitted, temperature, guide), dataset)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return small_evaluation(PAPER_RECIPES["cnn"], tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def plots(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "deeper" / "plots"
    draw(evaluation, folder)
    return folder


def with_report(evaluation: Evaluation, **changes: Any) -> Evaluation:
    return dataclasses.replace(evaluation, report={**copy.deepcopy(evaluation.report), **changes})


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """The points of each named line."""
    points = {str(line.get_label()): np.asarray(line.get_xydata()).T.tolist() for line in axes.lines}
    return {name: (x, y) for name, (x, y) in points.items()}


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
    report["examples"] |= {"misclassified": [], "most_confident_mistakes": []}
    report["selection"] |= {"risk": [0.0] * 100, "largest_coverage": [{"error_rate": rate, "coverage": 1.0} for rate in (0.01, 0.02, 0.05)]}
    for when in ("before", "after"):
        report["calibration"][when]["bins"] = [{"confidence": 1.0, "accuracy": 1.0, "images": 20}] * 15
    for curve in report["precision_recall_curves"].values():
        curve["precision"] = [1.0] * len(curve["recall"])
    for corruption in report["robustness"]["corruptions"].values():
        corruption["severities"] = [{**row, "accuracy": 1.0} for row in corruption["severities"]]
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


def test_the_chosen_epoch_is_called_best_only_where_it_was_chosen(evaluation: Evaluation) -> None:
    kept = dataclasses.replace(
        evaluation, card={**evaluation.card, "recipe": {**evaluation.card["recipe"], "early_stopping_patience": None}}
    )
    assert "best epoch 3: 0.8000" in lines(curves.loss(evaluation).axes[0])
    assert "last epoch 3: 0.8000" in lines(curves.loss(kept).axes[0])
    assert lines(curves.accuracy(evaluation).axes[0])["best epoch 3: 0.7100"] == ([3], [0.71])


def test_a_distillation_loss_has_an_axis_of_its_own(evaluation: Evaluation) -> None:
    taught = dataclasses.replace(evaluation, card={**evaluation.card, "teacher": {"name": "resnet", "version": 1}})
    upper, lower = curves.loss(taught).axes
    assert lines(upper)["training"] == ([1, 2, 3, 4], HISTORY["loss"])
    assert lines(lower)["validation"] == ([1, 2, 3, 4], HISTORY["val_loss"])
    assert (upper.get_ylabel(), lower.get_ylabel()) == ("distillation loss", "cross-entropy")


def test_the_reliability_diagram_draws_both_sets_of_bins_and_says_which_is_served(evaluation: Evaluation) -> None:
    calibration = {
        "in_graph": False,
        "images": 90,
        "temperature": 1.5,
        "before": {"bins": [{"confidence": 0.6, "accuracy": 0.5, "images": 100}, {"confidence": 0.9, "accuracy": 0.95, "images": 100}]},
        "after": {"bins": [{"confidence": 0.55, "accuracy": 0.5, "images": 100}, {"confidence": 0.8, "accuracy": 0.95, "images": 100}]},
    }
    upper, lower = trust.reliability(with_report(evaluation, calibration=calibration)).axes
    assert lines(upper)["the network's own, as served"] == ([0.6, 0.9], [0.5, 0.95])
    assert lines(upper)["with temperature 1.50"] == ([0.55, 0.8], [0.5, 0.95])
    heights = [bar.get_height() for bars in lower.containers for bar in bars]
    assert heights[:4] == pytest.approx([-0.1, 0.05, -0.05, 0.15])
    # two standard errors of 100 tosses each way: 0.6 ± 1.96 · 0.049
    assert heights[4:] == pytest.approx([2 * 0.0960, 2 * 0.0588], abs=1e-4)
    served = trust.reliability(with_report(evaluation, calibration=calibration | {"in_graph": True})).axes[0]
    assert {"the network's own", "with temperature 1.50, as served"} <= lines(served).keys()


def test_the_coverage_that_an_error_rate_allows_is_marked(evaluation: Evaluation) -> None:
    selection = {
        "coverage": [0.5, 1.0],
        "risk": [0.01, 0.1],
        "largest_coverage": [
            {"error_rate": 0.01, "coverage": 0.5},
            {"error_rate": 0.02, "coverage": 0.0},
            {"error_rate": 0.05, "coverage": 0.725},
        ],
    }
    (axes,) = trust.coverage(with_report(evaluation, selection=selection)).axes
    drawn = lines(axes)
    assert drawn["1% wrong of 50.0%"] == ([0.5], [0.01])
    assert drawn["5% wrong of 72.5%"] == ([0.725], [0.05])
    assert len(drawn) == 3, "what can't be reached has no mark"


def test_every_corruption_starts_at_the_clean_accuracy_and_looks_different(evaluation: Evaluation) -> None:
    robustness = evaluation.report["robustness"]
    (axes,) = trust.robustness(evaluation).axes
    assert list(lines(axes)) == list(robustness["corruptions"])
    for name, (severities, accuracies) in lines(axes).items():
        assert severities == [0, 1, 2, 3, 4, 5]
        assert accuracies == [robustness["clean"], *(row["accuracy"] for row in robustness["corruptions"][name]["severities"])]
    assert len({line.get_marker() for line in axes.lines}) == len({line.get_color() for line in axes.lines}) == 6


def test_a_class_has_its_stored_precision_recall_curve_in_steps(evaluation: Evaluation) -> None:
    (axes,) = curves.precision_recall(evaluation).axes
    stored = evaluation.report["precision_recall_curves"]["Coat"]
    assert lines(axes)[f"Coat, {stored['average_precision']:.4f}"] == (stored["recall"], stored["precision"])
    assert {line.get_drawstyle() for line in axes.lines} == {"steps-pre"}


def test_the_surest_mistakes_are_shown_with_their_confidence(evaluation: Evaluation) -> None:
    example = {"test_index": 4, "true": "Coat", "predicted": "Bag", "confidence": 0.98765}
    examples = {**evaluation.report["examples"], "most_confident_mistakes": [example]}
    first, second, *_ = grids.confident_mistakes(with_report(evaluation, examples=examples)).axes
    assert (first.get_title(), first.get_xlabel()) == ("Coat", "✗ Bag\n98.77%")
    assert np.array_equal(np.asarray(first.images[0].get_array()), evaluation.dataset.test_images[4, ..., 0])
    assert not second.images


@pytest.mark.parametrize("name", ["reliability.png", "coverage.png", "robustness.png", "precision_recall.png", "loss.png"])
def test_no_letters_are_cut_off(evaluation: Evaluation, name: str) -> None:
    with matplotlib.style.context({}, after_reset=True):
        figure = PLOTS[name].drawn(evaluation)
        canvas: Any = FigureCanvasAgg(figure)  # matplotlib leaves the method untyped
        canvas.draw()
        for axes in figure.axes:
            box = axes.get_tightbbox(canvas.get_renderer())
            assert box is not None
            assert box.x0 >= 0
            assert box.y0 >= 0
            assert box.x1 <= figure.bbox.width
            assert box.y1 <= figure.bbox.height

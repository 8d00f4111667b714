"""The report page: a model card with every figure and picture on it, safe text, nothing fetched, and no sentence the figures don't bear."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from tests.training.pages.test_plots import TAUGHT, small_evaluation
from tests.training.reading import Page, assert_readable_by_all, assert_self_contained
from training.evaluate import Evaluation
from training.pages.choices import choices
from training.pages.findings import findings
from training.pages.plots import PLOTS, draw
from training.pages.report import layers, render
from training.recipes import PAPER_RECIPES

MINUS = "\N{MINUS SIGN}"
LARGEST_BYTES = 2_000_000


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Of the paper's ANN by the paper's recipe."""
    return small_evaluation(PAPER_RECIPES["ann"], tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    """Of a network with a teacher, averaged weights and a temperature, and without early stopping."""
    return small_evaluation(TAUGHT, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def plots(evaluation: Evaluation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plots")
    draw(evaluation, folder)
    return folder


@pytest.fixture(scope="module")
def html(evaluation: Evaluation, plots: Path) -> str:
    return render(evaluation, plots)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def varied(evaluation: Evaluation, card: dict[str, Any] | None = None, report: dict[str, Any] | None = None) -> Evaluation:
    return dataclasses.replace(evaluation, card=evaluation.card | (card or {}), report=evaluation.report | (report or {}))


def prose(page: Page) -> str:
    return " ".join(page.text.split())


def test_the_page_needs_nothing_else(html: str) -> None:
    assert_self_contained(html)
    assert len(html.encode()) < LARGEST_BYTES


def test_everybody_can_read_it(html: str) -> None:
    assert_readable_by_all(html)


def test_it_reads_as_a_model_card(page: Page) -> None:
    assert page.headings[0] == (1, "ANN, version 3")
    assert [text for level, text in page.headings if level == 2] == [
        "Model details",
        "Intended use",
        "Factors and metrics",
        "How good it is",
        "Can its confidence be trusted",
        "Where it fails",
        "Caveats and recommendations",
        "Against the paper",
        "How it was made",
    ]
    details = dict(page.table("What it is"))
    assert details["Model"] == "A fully connected network with 227,018 parameters"
    assert details["Recipe"] == "The paper's, unchanged"
    for limit in ("white garments", "fit=garment", "anything but the ten kinds", "people"):
        assert limit in prose(page)


def test_every_figure_is_embedded_with_its_words(page: Page, plots: Path) -> None:
    images = {image["alt"]: image for image in page.all("img")}
    assert sorted(str(alt) for alt in images) == sorted(plot.alt for plot in PLOTS.values())
    for name, plot in PLOTS.items():
        image = images[plot.alt]
        assert base64.b64decode(str(image["src"]).partition(",")[2]) == (plots / name).read_bytes()
        assert image["width"] == "720"
        assert int(str(image["height"])) > 400
        assert plot.title in page.text
        assert plot.caption in page.text


def test_the_lead_tells_the_numbers(evaluation: Evaluation, page: Page) -> None:
    test = evaluation.report["test"]
    lead = prose(page)
    interval = test["intervals"]["accuracy"]
    assert f"Of 300 test images the model classifies {test['correct']} correctly and {test['incorrect']} incorrectly" in lead
    assert (
        f"an accuracy of {100 * test['correct'] / 300:.2f}% (95% interval {100 * interval['low']:.2f} to {100 * interval['high']:.2f}%), "
        f"with a loss of {test['loss']:.3f}"
    ) in lead
    found = findings(test)
    assert f"strongest on {found['strongest']} (F1 {test['per_class'][found['strongest']]['f1']:.3f})" in lead
    assert f"weakest on {found['weakest']} (F1 {test['per_class'][found['weakest']]['f1']:.3f})" in lead
    assert f"to take {found['confused']['true']} for {found['confused']['predicted']}: {found['confused']['images']} images" in lead


def test_the_classification_report_is_whole(evaluation: Evaluation, page: Page) -> None:
    test = evaluation.report["test"]
    header, *rows = page.table("Classification report")
    assert header == ["Class", "Precision", "Recall", "F1", "Support", "AUC", "AP"]
    by_name = {row[0]: row[1:] for row in rows}
    assert list(by_name) == [*evaluation.report["dataset"]["labels"], "accuracy", "macro avg", "weighted avg"]
    for label, row in test["per_class"].items():
        scores = [f"{row[score]:.3f}" for score in ("precision", "recall", "f1")]
        support = "48" if label == "T-shirt/top" else "28"
        assert by_name[label] == [*scores, support, f"{row['roc_auc']:.4f}", f"{row['average_precision']:.4f}"]
    assert by_name["accuracy"] == ["", "", f"{test['accuracy']:.3f}", "300", "", ""]
    for name, key in (("macro avg", "macro_avg"), ("weighted avg", "weighted_avg")):
        assert by_name[name] == [*(f"{test[key][score]:.3f}" for score in ("precision", "recall", "f1")), "300", "", ""]


def test_the_confusions_are_tables_too(evaluation: Evaluation, page: Page) -> None:
    labels = evaluation.report["dataset"]["labels"]
    header, *rows = page.table("Test images by true class")
    assert header == ["True class", *labels]
    assert [row[0] for row in rows] == labels
    assert [[int(count) for count in row[1:]] for row in rows] == evaluation.report["test"]["confusion_matrix"]
    pairs = evaluation.report["confused_pairs"]
    shown = page.table("The pairs of classes confused most often")[1:]
    assert shown == [[pair["true"], pair["predicted"], str(pair["images"]), f"{100 * pair['share']:.1f}%"] for pair in pairs]


def test_calibration_is_shown_before_and_after_and_the_served_one_named(evaluation: Evaluation, taught: Evaluation, plots: Path) -> None:
    for each, served in ((evaluation, 1), (taught, 2)):
        page, calibration = Page(render(each, plots)), each.report["calibration"]
        header, *rows = page.table("Less is better")
        assert ["(served)" in cell for cell in header] == [False, served == 1, served == 2]
        assert rows[0] == ["NLL, nats", *(f"{calibration[when]['nll']:.4f}" for when in ("before", "after"))]
        assert rows[2] == ["ECE", *(f"{100 * calibration[when]['ece']:.2f}%" for when in ("before", "after"))]


@pytest.mark.parametrize(("after", "said"), [(0.03, True), (0.01, False)])
def test_a_temperature_that_does_not_help_is_said_not_to(after: float, said: bool, evaluation: Evaluation, plots: Path) -> None:
    calibration = copy.deepcopy(evaluation.report["calibration"])
    calibration["before"]["ece"], calibration["after"]["ece"] = 0.02, after
    assert ("the ECE grows" in prose(Page(render(varied(evaluation, report={"calibration": calibration}), plots)))) is said


@pytest.mark.parametrize(
    ("confidence", "accuracy", "words"),
    [
        (0.9, 0.8, "averages 90.0%, and 80.0% of them are right: overconfident by 10.0 points"),
        (0.8, 0.85, "averages 80.0%, and 85.0% of them are right: underconfident by 5.0 points"),
        (0.8, 0.8002, "averages 80.0%, and 80.0% of them are right: neither too much nor too little"),
    ],
)
def test_over_and_underconfidence_are_called_so(
    confidence: float, accuracy: float, words: str, evaluation: Evaluation, plots: Path
) -> None:
    calibration = copy.deepcopy(evaluation.report["calibration"])
    calibration["before"]["bins"] = [{"confidence": confidence, "accuracy": accuracy, "images": 300}]
    assert words in prose(Page(render(varied(evaluation, report={"calibration": calibration}), plots)))


def test_the_page_does_not_say_that_validation_chose_what_it_did_not(evaluation: Evaluation, taught: Evaluation, plots: Path) -> None:
    stopped, kept = Page(render(evaluation, plots)), Page(render(taught, plots))
    assert "they are part of those by whose loss the epoch was chosen" in prose(stopped)
    assert "The dotted line marks the best epoch, chosen by validation loss; its weights are the model's." in prose(stopped)
    assert dict(stopped.table("Which images did what"))["Held out"].endswith("their loss chose the epoch")
    assert dict(stopped.table("Run"))["Best epoch"] == "3"
    assert [row[0] for row in stopped.table("Loss and accuracy after each epoch")[1:]] == ["1", "2", "3 (best)", "4"]
    assert "by whose loss" not in prose(kept)
    assert "Every epoch was run, and nothing was chosen by validation." in prose(kept)
    assert dict(kept.table("Which images did what"))["Held out"].endswith("their loss was watched and chose nothing")
    assert dict(kept.table("Run"))["Epoch kept"] == "4 (the last)"
    assert "best" not in str(kept.table("Loss and accuracy after each epoch"))


def test_what_the_curves_are_of_is_said(evaluation: Evaluation, taught: Evaluation, plots: Path) -> None:
    plain, distilled = prose(Page(render(evaluation, plots))), prose(Page(render(taught, plots)))
    for words in (
        "Training: the distillation loss",
        "the model has their moving average",
        "The curves are of the answers to single images",
        "trained to give the answers of RESNET version 1 too; it averages its answers to the picture and to the picture's mirror image",
    ):
        assert words in distilled
        assert words not in plain


def test_the_parts_of_the_training_images_are_counted(evaluation: Evaluation, taught: Evaluation, plots: Path) -> None:
    parts = dict(Page(render(evaluation, plots)).table("Which images did what"))
    assert parts["Fitted"].startswith("The first 210 training images")
    assert parts["Held out"].startswith("The last 90 training images")
    assert parts["Calibration"].startswith("The same 90")
    assert dict(Page(render(taught, plots)).table("Which images did what"))["Fitted"].startswith("The first 270 training images")
    large = {
        "dataset": evaluation.report["dataset"] | {"train_images": 60_000},
        "calibration": evaluation.report["calibration"] | {"images": 5000},
    }
    parts = dict(Page(render(varied(evaluation, report=large), plots)).table("Which images did what"))
    assert parts["Fitted"].startswith("The first 42,000 training images")
    assert parts["Calibration"].startswith("Of these the last 5,000")


def test_the_recipe_is_said_by_what_differs_from_the_papers(evaluation: Evaluation, taught: Evaluation, plots: Path, page: Page) -> None:
    assert dict(page.table("The recipe, the paper's in every choice")) == choices(PAPER_RECIPES["ann"])
    other = Page(render(taught, plots))
    rows = {row[0]: row[1:] for row in other.table("What the recipe does otherwise")[1:]}
    assert rows["Epochs"] == ["150, all of them run", choices(PAPER_RECIPES["ann"])["Epochs"]]
    assert "RESNET version 1" in rows["Loss"][0]
    assert rows.keys() | dict(other.table("The choices that are the paper's")).keys() == choices(TAUGHT).keys()
    assert not rows.keys() & dict(other.table("The choices that are the paper's")).keys()


def test_declining_is_told_in_coverage(evaluation: Evaluation, plots: Path) -> None:
    rates = [{"error_rate": 0.01, "coverage": 0.0}, {"error_rate": 0.02, "coverage": 0.4217}, {"error_rate": 0.05, "coverage": 0.9}]
    selection = evaluation.report["selection"] | {"largest_coverage": rates}
    page = Page(render(varied(evaluation, report={"selection": selection}), plots))
    assert page.table("If it may decline")[1:] == [["1%", "none"], ["2%", "42.2%"], ["5%", "90.0%"]]
    assert "the 42.2% of the test images it is surest of have at most 2% mistakes" in prose(page)
    never = {"selection": selection | {"largest_coverage": [row | {"coverage": 0.0} for row in rates]}}
    assert "at no confidence is it right often enough" in prose(Page(render(varied(evaluation, report=never), plots)))


def test_robustness_has_each_severity_with_its_amount(evaluation: Evaluation, page: Page) -> None:
    rows = {row[0]: row[1:] for row in page.table("Accuracy by kind and severity")[1:]}
    measured = evaluation.report["robustness"]["corruptions"]
    assert rows.keys() == measured.keys()
    for name, corruption in measured.items():
        assert rows[name] == [
            *(f"{100 * row['accuracy']:.1f}%{row['parameter']:g}" for row in corruption["severities"]),
            corruption["unit"],
        ]


def test_unfamiliar_pictures_are_told_with_the_threshold_or_said_not_to_be(evaluation: Evaluation, plots: Path) -> None:
    familiarity = {
        "score": "distance",
        "unit": "grey levels",
        "threshold": 36.84,
        "accepted": 0.95,
        "accepted_test": 0.9538,
        "foreign": {"digits": {"images": 1797, "auroc": 0.98154, "flagged": 0.9193}, "maps": {"images": 2, "auroc": 1.0, "flagged": 1.0}},
        "alternatives": {"energy": {"digits": 0.8337, "maps": 0.5}, "maximum_softmax": {"digits": 0.73067, "maps": 0.25}},
    }
    page = Page(render(varied(evaluation, report={"familiarity": familiarity}), plots))
    assert page.table("AUROC: the chance")[1:] == [
        ["handwritten digits", "1,797", "91.9%", "0.982", "0.834", "0.731"],
        ["maps", "2", "100.0%", "1.000", "0.500", "0.250"],
    ]
    assert "above 36.8 grey levels" in prose(page)
    assert "of the test images, 95.4% do" in prose(page)
    assert "too few training images" in prose(Page(render(varied(evaluation, report={"familiarity": None}), plots)))


def test_overlap_is_counted_in_images_not_in_pairs(evaluation: Evaluation, plots: Path) -> None:
    nothing: dict[str, Any] = {"pairs": [], "same_label": 0, "different_label": 0, "test_indices": []}
    overlap = {
        "near_rms": 10.0,
        "train": {
            "identical": {"pairs": [{}, {}], "same_label": 2, "different_label": 0, "test_indices": [5]},
            "near": {"pairs": [{}, {}], "same_label": 1, "different_label": 1, "test_indices": [5, 8]},
        },
        "test": {"identical": nothing, "near": nothing | {"pairs": [{}]}},
        "accuracy": 0.9,
        "accuracy_without": {"identical": 0.8999, "identical_and_near": 0.8997},
    }
    page = Page(render(varied(evaluation, report={"overlap": overlap}), plots))
    assert page.table("Test images that equal a training image")[1:] == [
        ["in every byte", "1", "0", "89.99%"],
        ["or nearly", "2", "1", "89.97%"],
    ]
    assert "1 pair of images within the test set is as alike" in prose(page)


def test_the_layers_are_listed_with_what_they_read(evaluation: Evaluation, page: Page) -> None:
    rows = page.table("Layers")
    assert [row[0] for row in rows[1:]] == [*(layer["name"] for layer in evaluation.card["layers"]), "Total"]
    assert rows[2][1:] == ["Dense relu", "32", "25,120"]
    assert rows[-1][-1] == "227,018"
    branching = [
        {"name": "a", "type": "Dense", "output_shape": [None, 4], "parameters": 8, "inputs": ["image"]},
        {"name": "b", "type": "Dense", "output_shape": [None, 4], "parameters": 8, "inputs": ["a"]},
        {"name": "c", "type": "Add", "output_shape": [None, 4], "parameters": 0, "inputs": ["b", "a"]},
    ]
    assert [row["reads"] for row in layers(branching)] == [[], [], ["b", "a"]]


def test_the_run_is_described(evaluation: Evaluation, page: Page) -> None:
    card = evaluation.card
    run = dict(page.table("Run"))
    assert (run["Seed"], run["Epochs run"], run["Duration"]) == ("0", "4", "2 min 5 s, 31.3 s an epoch")
    assert run["tensorflow"] == card["libraries"]["tensorflow"]
    assert dict(page.table("Data files")) == card["data"]["md5"]
    assert page.table("Loss and accuracy after each epoch")[1] == ["1", "1.9000", "0.3100", "1.4000", "0.4500"]


def test_a_code_revision_is_shown_and_its_absence_said(evaluation: Evaluation, plots: Path) -> None:
    known = Page(render(varied(evaluation, {"code_revision": "0123abc-dirty"}), plots))
    unknown = Page(render(varied(evaluation, {"code_revision": None}), plots))
    assert dict(known.table("Run"))["Code revision"] == "0123abc-dirty"
    assert dict(unknown.table("Run"))["Code revision"].startswith("unknown")


def test_a_card_of_version_1_is_enough(evaluation: Evaluation, plots: Path) -> None:
    """Published before recipes had more fields, and cards a temperature, a teacher, a time per epoch and each layer's inputs."""
    card = {key: value for key, value in evaluation.card.items() if key not in {"temperature", "teacher", "epoch_s"}}
    old_fields = (
        *("architecture", "optimizer", "learning_rate", "loss", "batch_size", "epochs", "validation_fraction"),
        *("early_stopping_min_delta", "early_stopping_patience", "seed", "steps_per_execution", "train_images"),
    )
    card["recipe"] = {key: card["recipe"][key] for key in old_fields}
    card["layers"] = [{key: value for key, value in row.items() if key != "inputs"} for row in card["layers"]]
    page = Page(render(dataclasses.replace(evaluation, card=card), plots))
    assert dict(page.table("What it is"))["Recipe"] == "The paper's, unchanged"


def test_the_papers_figures_stand_beside_ours(evaluation: Evaluation, plots: Path) -> None:
    report = copy.deepcopy(evaluation.report)
    report["test"] |= {"accuracy": 0.8800, "loss": 0.3500, "correct": 8800, "incorrect": 1200}
    report["test"]["intervals"]["accuracy"] = {"value": 0.88, "low": 0.8735, "high": 0.8862}
    report["test"]["per_class"]["Shirt"] |= {"precision": 0.7549, "recall": 0.5, "f1": 0.6561}
    page = Page(render(varied(evaluation, report=report), plots))
    assert "The paper's test accuracy, 87.01%, lies below the 95% interval of ours, 87.35 to 88.62%" in prose(page)
    totals = {row[0]: row[1:] for row in page.table("Loss, accuracy and counts")}
    assert totals["Parameters"] == ["227,018", "227,018", "0"]
    assert totals["Test accuracy"] == ["0.8800", "0.8701", "+0.0099"]
    assert totals["Test loss"] == ["0.3500", "0.3771", f"{MINUS}0.0271"]
    assert totals["Test images correct"] == ["8,800", "8,701", "+99"]
    assert totals["Test images incorrect"] == ["1,200", "1,299", f"{MINUS}99"]
    classes = {row[0]: row[1:] for row in page.table("Per class, to the two decimals")}
    assert classes["Shirt"] == ["0.75", "0.70", "+0.05", "0.50", "0.62", f"{MINUS}0.12", "0.66", "0.66", "0.00"]
    assert len(classes) == 2 + 10 + 2


def test_a_model_the_paper_lacks_has_no_such_section(evaluation: Evaluation, plots: Path, page: Page) -> None:
    other = render(varied(evaluation, report={"paper": None}), plots)
    assert "Against the paper" in [text for _, text in page.headings]
    assert "Against the paper" not in Page(other).text
    assert_self_contained(other)


def test_a_trial_says_so_first(evaluation: Evaluation, plots: Path, page: Page) -> None:
    recipe = evaluation.card["recipe"]
    short = Page(render(varied(evaluation, {"recipe": recipe | {"trial": True}}), plots))
    assert "Trial run, not for serving. This model was trained for at most 150 epochs" in prose(short)
    small = Page(render(varied(evaluation, {"recipe": recipe | {"trial": True, "train_images": 300}}), plots))
    assert "trained on only 300 images for at most 150 epochs" in prose(small)
    assert small.text.index("Trial run") < small.text.index("test images the model classifies")
    assert "Trial run" not in page.text


def test_names_can_not_become_markup(evaluation: Evaluation, plots: Path) -> None:
    report = json.loads(json.dumps(evaluation.report).replace("Bag", "Bag <i>&amp;"))
    card = {"name": "<b>a", "code_revision": "<script>alert(1)</script>"}
    page = Page(render(varied(evaluation, card, report), plots))
    assert not {"i", "b", "script"} & {tag for tag, _ in page.tags}
    assert page.headings[0] == (1, "<B>A, version 3")
    assert "Bag <i>&amp;" in [row[0] for row in page.table("Classification report")]


def test_a_missing_fact_is_an_error_not_a_gap(evaluation: Evaluation, plots: Path) -> None:
    card = {key: value for key, value in evaluation.card.items() if key != "seed"}
    with pytest.raises(UndefinedError, match="seed"):
        render(dataclasses.replace(evaluation, card=card), plots)


def test_a_faultless_model_confuses_nothing(evaluation: Evaluation, plots: Path) -> None:
    diagonal = [[30 * (row == column) for column in range(10)] for row in range(10)]
    test = evaluation.report["test"] | {"confusion_matrix": diagonal}
    page = Page(render(varied(evaluation, report={"test": test, "confused_pairs": []}), plots))
    assert "most frequent mistake" not in page.text

"""The report page: every figure and picture on it, safe text, nothing fetched, and readable by a screen reader."""

from __future__ import annotations

import base64
import copy
import dataclasses
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from tests.training.test_plots import small_evaluation
from training.evaluate import Evaluation
from training.plots import PLOTS, draw
from training.report import duration, findings, render, signed

VOID = {"meta", "img", "br", "link"}
MINUS = "\N{MINUS SIGN}"


class Page(HTMLParser):
    """What the tests ask of a page: its tags in order, images, headings, visible text, and tables as rows of cell texts by caption."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.headings: list[tuple[int, str]] = []
        self.text = ""
        self._open: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
        if tag == "table":
            self._rows, self._caption = [], ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("th", "td"):
            self._rows[-1].append("")
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append((int(tag[1]), ""))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "table":
            assert self._caption not in self.tables
            self.tables[self._caption] = self._rows

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if "caption" in self._open:
            self._caption += data
        elif {"th", "td"} & set(self._open):
            self._rows[-1][-1] += data
        elif self._open and re.fullmatch("h[1-6]", self._open[-1]):
            level, text = self.headings[-1]
            self.headings[-1] = (level, text + data)

    def table(self, start: str) -> list[list[str]]:
        return next(rows for caption, rows in self.tables.items() if caption.startswith(start))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def evaluation(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    return small_evaluation("ann", tmp_path_factory.mktemp("model"))


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


def test_the_page_needs_nothing_else(html: str, page: Page) -> None:
    assert html.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|<script|<link|@import|url\(|javascript:|\bon\w+=", html)
    sources = [attributes.get(name) for _, attributes in page.tags for name in ("src", "href", "srcset", "action") if name in attributes]
    assert all(source and source.startswith("data:image/png;base64,") for source in sources)


def test_every_figure_is_embedded_with_its_words(html: str, page: Page, plots: Path) -> None:
    images = {image["alt"]: image for image in page.all("img")}
    assert sorted(str(alt) for alt in images) == sorted(plot.alt for plot in PLOTS.values())
    for name, plot in PLOTS.items():
        image = images[plot.alt]
        assert base64.b64decode(str(image["src"]).partition(",")[2]) == (plots / name).read_bytes()
        assert image["width"] == "720"
        assert int(str(image["height"])) > 400
        assert plot.title in page.text
        assert plot.caption in page.text


def test_a_screen_reader_finds_its_way(page: Page) -> None:
    assert page.all("html")[0]["lang"] == "en"
    levels = [level for level, _ in page.headings]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.all("th")
    assert {cell.get("scope") for cell in page.all("th")} == {"row", "col", "colgroup"}
    assert all(page.tables), "every table has a caption"
    assert len(page.tables) == len(page.all("table"))


def test_a_phone_and_a_dark_room_are_served(html: str, page: Page) -> None:
    assert "width=device-width" in str([meta.get("content") for meta in page.all("meta")])
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    regions = [each for each in page.all("div") if each.get("class") == "scroll"]
    assert len(regions) == 6
    assert all(each["tabindex"] == "0" and each["aria-label"] for each in regions)


def test_the_lead_tells_the_numbers(evaluation: Evaluation, page: Page) -> None:
    test = evaluation.report["test"]
    lead = " ".join(page.text.split())
    assert page.headings[0] == (1, "ANN, version 3")
    assert f"Of 300 test images the model classifies {test['correct']} correctly and {test['incorrect']} incorrectly" in lead
    assert f"an accuracy of {100 * test['correct'] / 300:.2f}%, with a loss of {test['loss']:.3f}" in lead
    found = findings(test)
    assert f"strongest on {found['strongest']} (F1 {test['per_class'][found['strongest']]['f1']:.3f})" in lead
    assert f"weakest on {found['weakest']} (F1 {test['per_class'][found['weakest']]['f1']:.3f})" in lead
    assert f"to take {found['confused']['true']} for {found['confused']['predicted']}: {found['confused']['images']} images" in lead


def test_the_classification_report_is_whole(evaluation: Evaluation, page: Page) -> None:
    test = evaluation.report["test"]
    header, *rows = page.table("Classification report")
    assert header == ["Class", "Precision", "Recall", "F1", "Support", "ROC AUC"]
    by_name = {row[0]: row[1:] for row in rows}
    assert list(by_name) == [*evaluation.report["dataset"]["labels"], "accuracy", "macro avg", "weighted avg"]
    for label, row in test["per_class"].items():
        scores = [f"{row[score]:.3f}" for score in ("precision", "recall", "f1")]
        support = "48" if label == "T-shirt/top" else "28"
        assert by_name[label] == [*scores, support, f"{row['roc_auc']:.4f}"]
    assert by_name["accuracy"] == ["", "", f"{test['accuracy']:.3f}", "300", ""]
    for name, key in (("macro avg", "macro_avg"), ("weighted avg", "weighted_avg")):
        assert by_name[name] == [*(f"{test[key][score]:.3f}" for score in ("precision", "recall", "f1")), "300", ""]


def test_the_confusion_matrix_is_a_table_too(evaluation: Evaluation, page: Page) -> None:
    labels = evaluation.report["dataset"]["labels"]
    header, *rows = page.table("Test images by true class")
    assert header == ["True class", *labels]
    assert [row[0] for row in rows] == labels
    assert [[int(count) for count in row[1:]] for row in rows] == evaluation.report["test"]["confusion_matrix"]


def test_the_run_is_described(evaluation: Evaluation, page: Page) -> None:
    card = evaluation.card
    layers = page.table("Layers")
    assert [row[0] for row in layers[1:]] == [*(layer["name"] for layer in card["layers"]), "Total"]
    assert layers[2][1:] == ["Dense", "(None, 32)", "25,120"]
    assert layers[-1][-1] == "227,018"
    recipe = dict(page.table("Recipe"))
    assert recipe.keys() == {key.replace("_", " ") for key in card["recipe"]}
    assert (recipe["batch size"], recipe["learning rate"], recipe["train images"]) == ("200", "0.001", "all")
    run = dict(page.table("Run"))
    assert (run["Seed"], run["Epochs run"], run["Best epoch"], run["Duration"]) == ("0", "4", "3", "2 min 5 s")
    assert run["tensorflow"] == card["libraries"]["tensorflow"]
    assert dict(page.table("Data files")) == card["data"]["md5"]
    epochs = page.table("Loss and accuracy after each epoch")
    assert epochs[1] == ["1", "1.9000", "0.3100", "1.4000", "0.4500"]
    assert [row[0] for row in epochs[1:]] == ["1", "2", "3 (best)", "4"]


def test_a_code_revision_is_shown_and_its_absence_said(evaluation: Evaluation, plots: Path) -> None:
    known = Page(render(varied(evaluation, {"code_revision": "0123abc-dirty"}), plots))
    unknown = Page(render(varied(evaluation, {"code_revision": None}), plots))
    assert dict(known.table("Run"))["Code revision"] == "0123abc-dirty"
    assert dict(unknown.table("Run"))["Code revision"].startswith("unknown")


def test_the_papers_figures_stand_beside_ours(evaluation: Evaluation, plots: Path) -> None:
    report = copy.deepcopy(evaluation.report)
    report["test"] |= {"accuracy": 0.8800, "loss": 0.3500, "correct": 8800, "incorrect": 1200}
    report["test"]["per_class"]["Shirt"] |= {"precision": 0.7549, "recall": 0.5, "f1": 0.6561}
    page = Page(render(varied(evaluation, report=report), plots))
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
    other = Page(render(varied(evaluation, report={"paper": None}), plots))
    assert "Against the paper" in [text for _, text in page.headings]
    assert "Against the paper" not in [text for _, text in other.headings]
    assert "paper" not in other.text


def test_a_trial_says_so_first(evaluation: Evaluation, plots: Path, page: Page) -> None:
    trial = Page(render(varied(evaluation, {"recipe": evaluation.card["recipe"] | {"trial": True}}), plots))
    assert "Trial run, not for serving." in trial.text
    assert "only 300 images for at most" in trial.text
    assert trial.text.index("Trial run") < trial.text.index("test images the model classifies")
    assert "Trial run" not in page.text


def test_names_can_not_become_markup(evaluation: Evaluation, plots: Path) -> None:
    report = json.loads(json.dumps(evaluation.report).replace("Bag", "Bag <i>&amp;"))
    card = {"name": "<b>a", "code_revision": "<script>alert(1)</script>"}
    html = render(varied(evaluation, card, report), plots)
    page = Page(html)
    assert not {"i", "b", "script"} & {tag for tag, _ in page.tags}
    assert page.headings[0] == (1, "<B>A, version 3")
    assert "Bag <i>&amp;" in [row[0] for row in page.table("Classification report")]


def test_a_missing_fact_is_an_error_not_a_gap(evaluation: Evaluation, plots: Path) -> None:
    card = {key: value for key, value in evaluation.card.items() if key != "seed"}
    with pytest.raises(UndefinedError, match="seed"):
        render(dataclasses.replace(evaluation, card=card), plots)


def three_classes(matrix: list[list[int]]) -> dict[str, Any]:
    return {"confusion_matrix": matrix, "per_class": {"A": {"f1": 0.7}, "B": {"f1": 0.9}, "C": {"f1": 0.6}}}


def test_findings_name_the_extremes() -> None:
    assert findings(three_classes([[9, 1, 0], [0, 8, 2], [0, 5, 5]])) == {
        "strongest": "B",
        "weakest": "C",
        "confused": {"true": "C", "predicted": "B", "images": 5, "back": 2},
    }


def test_a_faultless_model_confuses_nothing(evaluation: Evaluation, plots: Path) -> None:
    assert findings(three_classes([[9, 0, 0], [0, 8, 0], [0, 0, 5]]))["confused"] is None
    diagonal = [[30 * (row == column) for column in range(10)] for row in range(10)]
    faultless = varied(evaluation, report={"test": evaluation.report["test"] | {"confusion_matrix": diagonal}})
    assert "most frequent mistake" not in Page(render(faultless, plots)).text


@pytest.mark.parametrize(
    ("difference", "form", "text"),
    [
        (0.012, "{:.2f}", "+0.01"),
        (-0.0149, "{:.2f}", f"{MINUS}0.01"),
        (-0.004, "{:.2f}", "0.00"),
        (0, "{:,}", "0"),
        (-1241, "{:,}", f"{MINUS}1,241"),
    ],
)
def test_a_difference_has_a_sign_unless_it_is_nothing(difference: float, form: str, text: str) -> None:
    assert signed(difference, form) == text


@pytest.mark.parametrize(("seconds", "text"), [(9.4, "9 s"), (59.6, "1 min 0 s"), (3725.0, "62 min 5 s")])
def test_a_duration_is_said_in_minutes_and_seconds(seconds: float, text: str) -> None:
    assert duration(seconds) == text

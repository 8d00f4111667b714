"""The comparison page: all models against each other, in every section that the figures at hand allow, and in no other."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from tests.training.pages.test_plots import TAUGHT, small_evaluation
from tests.training.reading import Page, assert_readable_by_all, assert_self_contained
from tests.training.test_compare import report as older_report
from training.compare import comparison_of
from training.data import LABELS
from training.evaluate import Evaluation
from training.evidence.answers import Answers
from training.evidence.significance import paired
from training.pages.comparison_page import PAGE, render_comparison, write_page
from training.paper import PAPER
from training.recipes import PAPER_RECIPES
from training.study import spread

MINUS = "\N{MINUS SIGN}"
LARGEST_BYTES = 500_000


def answers(accuracy: float) -> Answers:
    """Of a model that is right by chance, to 100 images of each class; of Bag always."""
    true = np.repeat(np.arange(10, dtype=np.uint8), 100)
    random = np.random.default_rng(0)
    right = (random.random(1000) < accuracy) | (true == LABELS.index("Bag"))
    losses = random.random(1000).astype(np.float32)
    return Answers(true, np.where(right, true, (true + 1) % 10).astype(np.uint8), losses, losses)


def run(model: str, seed: int, accuracy: float) -> dict[str, Any]:
    return {"model": model, "recipe": {}, "seed": seed, "test": {"accuracy": accuracy, "loss": 0.4, "macro_f1": accuracy}}


def rung(ingredient: str, accuracy: float) -> dict[str, Any]:
    return {"model": "cnn", "ingredient": ingredient, "validation": {"accuracy": accuracy, "loss": 0.25, "images": 2500}, "epochs_run": 80}


@pytest.fixture(scope="module")
def evaluations(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Evaluation]:
    return (
        small_evaluation(PAPER_RECIPES["ann"], tmp_path_factory.mktemp("ann")),
        small_evaluation(TAUGHT, tmp_path_factory.mktemp("cnn")),
    )


@pytest.fixture(scope="module")
def reports(evaluations: tuple[Evaluation, Evaluation]) -> list[dict[str, Any]]:
    ann, cnn = (copy.deepcopy(each.report) for each in evaluations)
    cnn["test"] |= {"accuracy": 0.93, "correct": 279, "incorrect": 21}
    return [ann, cnn]


@pytest.fixture(scope="module")
def comparison(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """Of every part that `training.compare` makes."""
    content = comparison_of(reports)
    ann, cnn = content["models"]["ann"], content["models"]["cnn"]
    one, other = ({"name": name, "version": 3} for name in ("cnn", "ann"))
    return {
        **content,
        "earlier": {"ann": [ann | {"version": 1, "test": ann["test"] | {"accuracy": 0.05}}], "cnn": [cnn | {"version": 2}]},
        "tests": [{"one": one, "other": other, **paired(answers(0.9), answers(0.6))}],
        "study": {
            "ann": {"paper": spread([run("ann", 0, 0.86), run("ann", 1, 0.88)])},
            "resnet": {"best": spread([run("resnet", 0, 0.95)])},
        },
        "ablation": [rung("the paper's recipe", 0.9), rung("a teacher", 0.925)],
    }


@pytest.fixture(scope="module")
def html(comparison: dict[str, Any], reports: list[dict[str, Any]]) -> str:
    return render_comparison(comparison, reports)


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def sections(page: Page) -> list[str]:
    return [text for level, text in page.headings if level == 2]


def test_the_page_needs_nothing_else_and_everybody_can_read_it(html: str) -> None:
    assert_self_contained(html)
    assert_readable_by_all(html)
    assert len(html.encode()) < LARGEST_BYTES


def test_the_same_comparison_gives_the_same_bytes_whatever_the_readers_settings(
    html: str, comparison: dict[str, Any], reports: list[dict[str, Any]]
) -> None:
    with matplotlib.rc_context({"font.size": 30, "savefig.bbox": "tight"}):
        before = dict(matplotlib.rcParams)
        assert render_comparison(comparison, reports) == html
        assert dict(matplotlib.rcParams) == before


def test_it_begins_with_the_summary_and_has_all_sections(page: Page, comparison: dict[str, Any]) -> None:
    assert page.headings[0] == (1, "CNN and ANN")
    assert comparison["summary"] in page.text
    assert sections(page) == [
        "All models and versions",
        "Is the difference real",
        "How much is luck",
        "Where they differ",
        "Whose confidence can be trusted",
        "Damaged pictures",
        "What each ingredient brought",
        "Against the paper",
    ]
    assert len(page.all("img")) == 6


@pytest.mark.parametrize(
    ("key", "section"),
    [
        ("tests", "Is the difference real"),
        ("study", "How much is luck"),
        ("ablation", "What each ingredient brought"),
        ("paper", "Against the paper"),
        ("earlier", None),
    ],
)
def test_an_empty_part_of_the_comparison_has_no_section(
    key: str, section: str | None, comparison: dict[str, Any], reports: list[dict[str, Any]], page: Page
) -> None:
    html = render_comparison(comparison | {key: type(comparison[key])()}, reports)
    assert_self_contained(html)
    assert sections(Page(html)) == [each for each in sections(page) if each != section]


def test_reports_of_older_versions_are_enough() -> None:
    reports = [older_report("ann", 8700, 0.4, {"Shirt": 0.6}, PAPER["ann"]), older_report("cnn", 9100, 0.25, {"Shirt": 0.75})]
    html = render_comparison(comparison_of(reports), reports)
    assert_self_contained(html)
    page = Page(html)
    assert sections(page) == ["All models and versions", "Where they differ", "Against the paper"]
    assert page.table("The best figure")[1] == ["CNN 3", "1,000", "91.00%", "0.2500", "0.8300", "–", "–", "–"]


def test_every_version_has_a_row_and_the_best_figures_are_bold(html: str, page: Page, reports: list[dict[str, Any]]) -> None:
    rows = page.table("The best figure")
    assert [row[0] for row in rows[1:]] == ["CNN 3", "CNN 2", "ANN 3", "ANN 1"]
    calibration, interval = reports[1]["calibration"], reports[1]["test"]["intervals"]["accuracy"]
    assert rows[1][1:3] == ["69,834", f"93.00%{100 * interval['low']:.2f} to {100 * interval['high']:.2f}%"]
    before, after = (100 * calibration[when]["ece"] for when in ("before", "after"))
    assert rows[1][5] == f"{after:.2f}%{before:.2f}, {after:.2f}%"
    assert rows[4][2] == "5.00%"
    assert "<strong>93.00%</strong>" in html
    assert "<strong>5.00%</strong>" not in html


def test_the_paired_tests_stand_in_a_table_and_class_by_class(page: Page, comparison: dict[str, Any]) -> None:
    (test,) = comparison["tests"]
    (row,) = page.table("Differences are the first model's")[1:]
    accuracy = test["differences"]["accuracy"]
    assert row[0] == f"CNN 3 {MINUS} ANN 3"
    assert row[1].replace(MINUS, "-") == f"{100 * accuracy['value']:+.2f}{100 * accuracy['low']:+.2f} to {100 * accuracy['high']:+.2f}"
    assert row[4:6] == [str(test["mcnemar"]["one_alone_right"]), str(test["mcnemar"]["other_alone_right"])]
    classes = {cells[0]: cells[1:] for cells in page.table(f"CNN 3 {MINUS} ANN 3 by class")[1:]}
    assert list(classes) == list(LABELS)
    assert [name for name, cells in classes.items() if cells[3] == "yes"] == [name for name in LABELS if name != "Bag"]
    assert classes["Bag"] == ["0.00", "1.0000", "1.0000", "", *classes["Bag"][4:]]
    assert "9 of 10 classes differ" in page.text


def test_the_seeds_are_summed_up_beside_the_papers_figure(page: Page) -> None:
    ann, resnet = page.table("Mean and standard deviation")[1:]
    assert ann[:5] == ["ANN, paper's recipe", "2", "87.00%± 1.41", "86.00%", "88.00%"]
    assert ann[7:] == ["87.01%", "1 of 2", "0.0"]
    assert resnet == ["RESNET, best recipe", "1", "95.00%", "95.00%", "95.00%", "0.9500", "0.4000", "–", "–", "–"]


def test_what_an_ingredient_brought_is_told_with_its_margin(page: Page) -> None:
    assert page.table("CNN, on 2,500 validation images")[1:] == [
        ["the paper's recipe", "90.00%", "± 1.18", "", "0.2500", "80"],
        ["+ a teacher", "92.50%", "± 1.03", "+2.50", "0.2500", "80"],
    ]


def test_a_ladder_that_was_not_climbed_to_its_end_says_so(page: Page, comparison: dict[str, Any], reports: list[dict[str, Any]]) -> None:
    assert "The CNN's ladder is not measured to its end" in page.text
    whole = {**comparison, "ablation": [*comparison["ablation"], rung("4 times the epochs", 0.93)]}
    assert "is not measured to its end" not in Page(render_comparison(whole, reports)).text


def test_classes_and_damage_are_held_against_each_other(page: Page, reports: list[dict[str, Any]]) -> None:
    rows = {row[0]: row[1:] for row in page.table("F1, the harmonic mean")[1:]}
    assert list(rows) == list(LABELS)
    assert rows["Shirt"] == [f"{each['test']['per_class']['Shirt']['f1']:.3f}" for each in reversed(reports)]
    rows = {row[0]: row[1:] for row in page.table("Accuracy, the mean over the five severities")[1:]}
    assert rows["all six"] == [f"{100 * each['robustness']['mean_accuracy']:.1f}%" for each in reversed(reports)]
    blur = reports[0]["robustness"]["corruptions"]["blur"]["severities"]
    assert rows["blur"][1] == f"{100 * sum(row['accuracy'] for row in blur) / 5:.1f}%"


def test_the_paper_is_held_against_ours(page: Page, comparison: dict[str, Any]) -> None:
    rows = {row[0]: row[1:] for row in page.table("The newest versions against the paper's")[2:]}
    assert list(rows) == ["CNN 3", "ANN 3"]
    assert rows["CNN 3"][:3] == ["0.9300", "0.9138", "+0.0162"]
    assert rows["CNN 3"][7] == "0.91"


def test_names_can_not_become_markup(reports: list[dict[str, Any]]) -> None:
    strange = [reports[0], {**reports[1], "name": "<i>c"}]
    html = render_comparison(comparison_of(strange), strange)
    assert not re.search("<i>", html, re.IGNORECASE)
    assert "<I>C 3" in Page(html).text


def test_the_page_is_written_beside_the_comparison(
    comparison: dict[str, Any], reports: list[dict[str, Any]], html: str, tmp_path: Path
) -> None:
    write_page(tmp_path, comparison, reports)
    assert [path.name for path in tmp_path.iterdir()] == [PAGE]
    assert (tmp_path / PAGE).read_text(encoding="utf-8") == html
    with pytest.raises(OSError, match="No such file"):
        write_page(tmp_path / "nowhere", comparison, reports)

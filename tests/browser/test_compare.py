"""The comparison: its figures are those of `GET /metrics`, and each leads to the images behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.app.folders import paper_models
from tests.browser.conftest import Open
from tests.server import Server

PART = "section[aria-label='{}']"


@pytest.fixture
def metrics(server: Server) -> dict[str, Any]:
    content: dict[str, Any] = server.http.get("/metrics").json()
    return content


def ranked(metrics: dict[str, Any]) -> list[str]:
    return sorted(metrics["models"], key=lambda name: -metrics["models"][name]["test"]["accuracy"])


def rows(page: Page, part: str) -> list[list[str]]:
    """A part's table, row by row, its title left out."""
    table = page.locator(PART.format(part)).locator("table")
    return [row.split("\t") for row in table.locator("tr").all_inner_texts()]


def test_the_models_figures(open_page: Open, metrics: dict[str, Any]) -> None:
    page = open_page("#compare")
    head, *shown = rows(page, "In short")
    assert head == ["Model", "Accuracy", "95 % interval", "Macro F1", "Loss", "Calibration error", "Parameters"]
    expected = []
    for name in ranked(metrics):
        report = metrics["models"][name]
        test, accuracy = report["test"], report["test"]["intervals"]["accuracy"]
        expected.append(
            [
                f"{name} {report['version']}",
                f"{100 * test['accuracy']:.2f}\xa0%",
                f"{100 * accuracy['low']:.2f}\xa0% to {100 * accuracy['high']:.2f}\xa0%",
                f"{test['macro_avg']['f1']:.4f}",
                f"{test['loss']:.4f}",
                f"{report['calibration']['after']['ece']:.4f}",
                f"{report['parameters']:,}",
            ]
        )
    assert shown == expected


def test_who_is_better_and_how_surely(open_page: Open, metrics: dict[str, Any]) -> None:
    page = open_page("#compare")
    newest = {name: report["version"] for name, report in metrics["models"].items()}
    tests = [
        each
        for each in metrics["comparison"]["tests"]
        if all(newest[each[side]["name"]] == each[side]["version"] for side in ("one", "other"))
    ]
    shown = page.locator(PART.format("In short")).get_by_role("listitem").all_inner_texts()
    assert len(shown) == len(tests) == 3
    for sentence, test in zip(shown, tests, strict=True):
        difference, mcnemar = test["differences"]["accuracy"], test["mcnemar"]
        assert f"{test['one']['name']} is better than {test['other']['name']} by {100 * difference['value']:.2f} points" in sentence
        assert f"{100 * difference['low']:.2f} to {100 * difference['high']:.2f}" in sentence
        assert f"alone is right on {mcnemar['one_alone_right']} images" in sentence


@pytest.mark.parametrize("figure", ["f1", "precision", "recall", "roc_auc", "average_precision"])
def test_which_model_for_which_kind(open_page: Open, metrics: dict[str, Any], figure: str) -> None:
    page = open_page("#compare")
    page.get_by_label("Figure", exact=True).select_option(figure)
    names = ranked(metrics)
    values = {
        label: [metrics["models"][name]["test"]["per_class"][label][figure] for name in names] for label in metrics["dataset"]["labels"]
    }
    by_best = sorted(values, key=lambda label: values[label][0])
    _, *shown = rows(page, "Which model for which kind?")
    assert {row[0]: row[1:-1] for row in shown} == {label: [f"{value:.4f}" for value in values[label]] for label in values}
    assert [row[1] for row in shown] == [f"{values[label][0]:.4f}" for label in by_best]
    best = page.locator(PART.format("Which model for which kind?")).locator("td.top")
    assert best.count() >= len(values)
    shirt = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Shirt", exact=True)).locator("td.top")
    assert shirt.first.inner_text() == f"{max(values['Shirt']):.4f}"


def test_whether_the_best_is_surely_better(open_page: Open, metrics: dict[str, Any]) -> None:
    page = open_page("#compare")
    first, second = ranked(metrics)[:2]
    [test] = [
        each
        for each in metrics["comparison"]["tests"]
        if {(each[side]["name"], each[side]["version"]) for side in ("one", "other")}
        == {(name, metrics["models"][name]["version"]) for name in (first, second)}
    ]
    shown = {row[0]: row[-1] for row in rows(page, "Which model for which kind?")[1:]}
    for label, outcome in test["per_class"].items():
        f1 = sorted(metrics["models"], key=lambda name: -metrics["models"][name]["test"]["per_class"][label]["f1"])
        if f1[:2] == [first, second]:
            assert shown[label].startswith("yes" if outcome["significant"] else "can't be told"), label
    assert {each.split(" (")[0] for each in shown.values()} == {"yes", "can't be told"}


def test_a_columns_title_sorts(open_page: Open, metrics: dict[str, Any]) -> None:
    page = open_page("#compare")
    part = page.locator(PART.format("Which model for which kind?"))
    column = part.get_by_role("columnheader", name="ann")
    assert column.get_attribute("aria-sort") == "none"
    for order in ("ascending", "descending"):
        column.get_by_role("button").press("Enter")
        assert column.get_attribute("aria-sort") == order
        expect(column.get_by_role("button")).to_be_focused()
        place = 1 + ranked(metrics).index("ann")
        shown = [float(row[place]) for row in rows(page, "Which model for which kind?")[1:]]
        assert shown == sorted(shown, reverse=order == "descending")
    part.get_by_role("columnheader", name="Kind").get_by_role("button").click()
    assert [row[0] for row in rows(page, "Which model for which kind?")[1:]] == metrics["dataset"]["labels"]


def test_the_confusion_matrix_and_the_images_behind_it(open_page: Open, metrics: dict[str, Any]) -> None:
    page = open_page("#compare")
    labels = metrics["dataset"]["labels"]
    for name, report in metrics["models"].items():
        page.get_by_label("Model", exact=True).select_option(name)
        expect(page.locator(".confusion caption")).to_contain_text(f"{name}: ")
        _, *shown = rows(page, "What is taken for what")
        assert [[int(count) for count in row[1:]] for row in shown] == report["test"]["confusion_matrix"]
    row, column = labels.index("Shirt"), labels.index("T-shirt/top")
    count = metrics["models"]["cnn"]["test"]["confusion_matrix"][row][column]
    page.get_by_label("Model", exact=True).select_option("cnn")
    page.get_by_role("link", name=f"{count} Shirt taken for T-shirt/top").click()
    expect(page.locator("[data-view=mistakes] [role=status]")).to_have_text(
        f"{count} test images of Shirt that cnn takes for T-shirt/top, the surest mistakes first."
    )
    assert page.title() == "Mistakes: Wardrobe"
    page.go_back()
    expect(page.get_by_role("heading", name="Which model to trust?")).to_be_visible()


def test_the_charts(open_page: Open, metrics: dict[str, Any]) -> None:
    page = open_page("#compare")
    for name, report in metrics["models"].items():
        after = report["calibration"]["after"]
        page.get_by_role("img", name=f"{name}: accuracy by epoch").wait_for()
        reliability = page.get_by_role("img", name=f"{name}: confidence and accuracy")
        reliability.wait_for()
        assert reliability.locator("[data-mark=dot] circle").count() == 2 * len(after["bins"])
        expect(page.locator("figcaption", has_text=f"{name}: calibration error")).to_contain_text(f"{after['ece']:.4f} as served")
    accuracy = page.get_by_role("img", name="Accuracy on the test images")
    accuracy.wait_for()
    assert accuracy.locator("[data-mark=text] text").all_text_contents() == [
        f"{100 * metrics['models'][name]['test']['accuracy']:.2f}\xa0%" for name in ranked(metrics)
    ]
    for curve in ("ROC", "Precision and recall"):
        chart = page.get_by_role("img", name=f"{curve}: Shirt")
        chart.wait_for()
        assert chart.locator("[data-mark=line] path").count() == len(metrics["models"])
    page.get_by_label("Kind", exact=True).select_option("Bag")
    page.get_by_role("img", name="ROC: Bag").wait_for()


def test_the_charts_library_is_loaded_with_the_first_chart(open_page: Open) -> None:
    page = open_page()
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.get_by_role("link", name="Compare").click()
    page.get_by_role("img", name="ROC: Shirt").wait_for()
    assert [url.rsplit("/", 1)[1] for url in loaded if "/vendor/" in url] == ["d3.min.js", "plot.umd.min.js"]


def test_it_leads_to_the_reports(open_page: Open, server: Server, metrics: dict[str, Any]) -> None:
    page = open_page("#compare")
    links = page.locator(PART.format("All of it")).get_by_role("link")
    reports = [f"/models/{name}/versions/{metrics['models'][name]['version']}/report" for name in ranked(metrics)]
    assert [link.get_attribute("href") for link in links.all()] == ["/comparison", *reports, "/metrics"]
    for link in links.all():
        assert server.http.get(link.get_attribute("href") or "").status_code == 200


def test_calibration_as_it_is_served(open_page: Open, tmp_path: Path) -> None:
    """The paper's models have no temperature in their graph: what is served is what was before."""
    with Server(models_dir=str(paper_models(tmp_path / "models"))) as server:
        page = open_page("#compare", server=server)
        for name, report in server.http.get("/metrics").json()["models"].items():
            before = report["calibration"]["before"]["ece"]
            assert not report["calibration"]["in_graph"]
            expect(page.locator("figcaption", has_text=f"{name}: calibration error")).to_contain_text(f"{before:.4f} as served")
            assert f"{before:.4f}" in {row[0]: row for row in rows(page, "In short")}[f"{name} 1"]
        expect(page.locator("[data-view=compare]")).to_contain_text("How sure that is has not been measured")


def test_arrow_keys_move_in_the_matrix_past_what_is_no_link(open_page: Open, metrics: dict[str, Any]) -> None:
    page = open_page("#compare")
    links = page.locator(".confusion a")
    assert links.evaluate_all("all => all.filter(each => each.tabIndex === 0).length") == 1
    links.first.focus()
    page.keyboard.press("ArrowRight")
    matrix = metrics["models"][ranked(metrics)[0]]["test"]["confusion_matrix"]
    column = next(each for each in range(1, 10) if matrix[0][each])
    focused = page.evaluate("document.activeElement.ariaLabel")
    assert focused == f"{matrix[0][column]} T-shirt/top taken for {metrics['dataset']['labels'][column]}"
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.ariaLabel") == focused

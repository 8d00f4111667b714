"""The mistakes: every misclassified test image, found by what it is and what it was taken for."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.browser.test_try import answered, pixels
from tests.server import Server
from training.data import Dataset


@pytest.fixture
def index(server: Server) -> dict[str, Any]:
    content: dict[str, Any] = server.http.get("/mistakes").json()
    return content


def says(page: Page) -> str:
    return page.locator("[data-view=mistakes] [role=status]").inner_text()


def shown(page: Page) -> list[int]:
    """The test images in the list, in order."""
    labels = page.locator(".sprite").evaluate_all("all => all.map(each => each.ariaLabel)")
    return [int(label.removeprefix("Test image ")) for label in labels]


def wrong(index: dict[str, Any], model: str) -> list[int]:
    """The positions of a model's mistakes, the surest first."""
    answers = index["models"][model]
    positions = [each for each, true in enumerate(index["true"]) if answers["predicted"][each] != true]
    return sorted(positions, key=lambda each: -answers["confidence"][each])


def test_all_of_a_models_mistakes_surest_first(open_page: Open, server: Server, index: dict[str, Any]) -> None:
    page = open_page("#mistakes?model=resnet")
    expected = [index["test_index"][each] for each in wrong(index, "resnet")]
    incorrect = server.http.get("/metrics?model=resnet").json()["models"]["resnet"]["test"]["incorrect"]
    assert len(expected) == incorrect
    assert says(page) == f"{incorrect} test images that resnet gets wrong, the surest mistakes first."
    assert shown(page) == expected[:48]
    more = page.get_by_role("button", name="more of")
    more.click()
    expect(page.get_by_role("listitem").nth(48).get_by_role("link")).to_be_focused()
    while more.is_visible():
        more.click()
    assert shown(page) == expected


def test_each_image_has_every_models_verdict(open_page: Open, index: dict[str, Any]) -> None:
    page = open_page("#mistakes?model=ann")
    position = wrong(index, "ann")[0]
    item = page.get_by_role("listitem").first
    expect(item.locator("strong")).to_have_text(index["labels"][index["true"][position]])
    for name, answers in index["models"].items():
        label, confidence = index["labels"][answers["predicted"][position]], answers["confidence"][position]
        verdict = item.locator(f"dt:text-is('{name}') + dd")
        assert re.fullmatch(rf"{label} \d+\xa0%", verdict.inner_text())
        assert abs(int(verdict.inner_text()[len(label) : -2]) - 100 * confidence) <= 0.51
        colour = "right" if answers["predicted"][position] == index["true"][position] else "wrong"
        expect(verdict.locator(f".{colour}")).to_have_count(1)


def test_filtered_by_true_and_predicted_class(open_page: Open, index: dict[str, Any]) -> None:
    page = open_page("#mistakes")
    page.get_by_label("Model", exact=True).select_option("cnn")
    page.get_by_label("It is", exact=True).select_option("Coat")
    page.get_by_label("The model says").focus()
    page.get_by_label("The model says").select_option("Pullover")
    coat, pullover = index["labels"].index("Coat"), index["labels"].index("Pullover")
    expected = [
        index["test_index"][each]
        for each in wrong(index, "cnn")
        if (index["true"][each], index["models"]["cnn"]["predicted"][each]) == (coat, pullover)
    ]
    expect(page.locator("[data-view=mistakes] [role=status]")).to_contain_text(f"{len(expected)} test images")
    assert shown(page) == expected
    expect(page.get_by_label("The model says")).to_be_focused()
    page.reload()
    expect(page.locator("[data-view=mistakes] [role=status]")).to_contain_text(f"{len(expected)} test images")


def test_those_that_only_one_model_gets_wrong(open_page: Open, index: dict[str, Any]) -> None:
    page = open_page("#mistakes?model=resnet")
    page.get_by_label("Show", exact=True).select_option("1")
    others = [answers["predicted"] for name, answers in index["models"].items() if name != "resnet"]
    alone = [each for each in wrong(index, "resnet") if all(predicted[each] == index["true"][each] for predicted in others)]
    expect(page.locator("[data-view=mistakes] [role=status]")).to_have_text(
        f"{len(alone)} test images that only resnet gets wrong, the surest mistakes first."
    )
    assert shown(page) == [index["test_index"][each] for each in alone][:48]


def test_the_diagonal_shows_what_another_model_gets_wrong(open_page: Open, index: dict[str, Any]) -> None:
    page = open_page("#mistakes?model=cnn&true=Bag&predicted=Bag")
    bag = index["labels"].index("Bag")
    expected = [each for each, true in enumerate(index["true"]) if true == bag == index["models"]["cnn"]["predicted"][each]]
    assert says(page) == f"{len(expected)} test images of Bag that cnn gets right and another model does not, the surest first."


def test_what_never_happened(open_page: Open) -> None:
    page = open_page("#mistakes?model=cnn&true=Trouser&predicted=Sandal")
    assert says(page) == "0 test images of Trouser that cnn takes for Sandal."
    expect(page.locator(".sprite")).to_have_count(0)
    expect(page.get_by_role("button", name="more of")).to_be_hidden()


def test_a_model_without_stored_mistakes_is_told_so(open_page: Open) -> None:
    page = open_page("#mistakes?model=vgg&true=Hat")
    assert says(page) == "The images that vgg gets wrong are not stored: choose another model."
    expect(page.locator(".sprite")).to_have_count(0)
    page.get_by_label("Model", exact=True).select_option("cnn")
    expect(page.locator(".sprite").first).to_be_visible()


def test_the_best_model_is_shown_first_and_a_change_is_announced_in_place(open_page: Open, index: dict[str, Any]) -> None:
    """A live region that is made anew says nothing."""
    page = open_page("#mistakes")
    best = min(index["models"], key=lambda name: len(wrong(index, name)))
    assert says(page) == f"{len(wrong(index, best))} test images that {best} gets wrong, the surest mistakes first."
    page.locator("[data-view=mistakes] [role=status]").evaluate("status => { status.dataset.same = true }")
    entries = page.evaluate("history.length")
    page.get_by_label("It is", exact=True).select_option("Bag")
    page.get_by_label("Model", exact=True).select_option("ann")
    expect(page.locator("[data-same]")).to_contain_text("test images of Bag that ann gets wrong")
    assert page.url.endswith("#mistakes?model=ann&true=Bag")
    assert page.evaluate("history.length") == entries


def test_a_test_image_that_is_no_mistake(open_page: Open) -> None:
    page = open_page()
    page.goto(f"{page.url.split('#')[0]}#try?test=-1&truth=Hat")
    expect(page.get_by_role("alert")).to_contain_text("No model gets this test image wrong: choose one under Mistakes.")


def test_a_mistake_can_be_tried(open_page: Open, index: dict[str, Any], dataset: Dataset) -> None:
    page = open_page("#mistakes?model=cnn")
    position = wrong(index, "cnn")[0]
    page.get_by_role("link", name=f"Try it: test image {index['test_index'][position]}").click()
    answered(page)
    seen = pixels(page.locator("#seen .main canvas"))[..., 0]
    assert (seen == dataset.test_images[index["test_index"][position], ..., 0]).all()
    answers = index["models"]["cnn"]
    label = index["labels"][answers["predicted"][position]]
    expect(page.get_by_role("article", name="cnn").locator(".verdict")).to_contain_text(
        f"{label} {100 * answers['confidence'][position]:.1f}"
    )
    expect(page.locator("#status")).to_contain_text(f"in truth: {index['labels'][index['true'][position]]}")
    assert page.url.endswith(f"#try?test={index['test_index'][position]}")
    page.get_by_role("button", name="Bag 1", exact=True).click()
    answered(page)
    assert page.url.endswith("#try")

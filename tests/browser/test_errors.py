"""What goes wrong: a sentence that says what to do, whatever the service answers, and also when it does not."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from app.problems import MEDIA_TYPE, problem
from tests.app.figures import Figures, eventually
from tests.app.folders import paper_models
from tests.browser.conftest import NARROW, Open, Watched
from tests.browser.test_try import answered
from tests.conftest import MODELS, png
from tests.server import Server


def choose(page: Page, content: bytes, name: str = "picture.png") -> None:
    page.get_by_label("Choose a picture").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def refused(page: Page, *words: str) -> None:
    alert = page.get_by_role("alert")
    for word in words:
        expect(alert).to_contain_text(word)
    expect(page.locator("#result")).to_be_hidden()
    expect(page.locator("#status")).to_be_empty()


@pytest.mark.parametrize(
    ("status", "content", "words"),
    [
        (415, b"no image at all", "is not a PNG, JPEG, WebP or BMP image: choose another file."),
        (422, b"", "The upload is empty: choose another file."),
        (422, png(np.random.default_rng(0).integers(0, 255, (28, 28), np.uint8))[:200], "damaged or cut short"),
    ],
    ids=["no image", "empty", "cut short"],
)
def test_a_file_that_can_not_be_used(open_page: Open, watched: Watched, status: int, content: bytes, words: str) -> None:
    watched.expected = {status}
    page = open_page()
    choose(page, content)
    refused(page, words)
    page.get_by_role("button", name="Bag 1", exact=True).click()
    answered(page)
    expect(page.get_by_role("alert")).to_be_empty()


def test_a_body_over_the_limit(open_page: Open, watched: Watched, photo: bytes) -> None:
    watched.expected = {413}
    with Server(models_dir=str(MODELS), max_body_bytes=4096) as server:
        page = open_page(server=server)
        choose(page, photo)
        refused(page, "The body is larger than 4,096 bytes: send a smaller image")


def test_a_photo_not_28_pixels_wide_read_as_it_is(open_page: Open, watched: Watched, photo: bytes) -> None:
    watched.expected = {422}
    page = open_page()
    page.get_by_label("Read your picture").select_option("strict")
    choose(page, photo)
    refused(page, "The image is 900x1200 and must be 28x28")
    page.get_by_label("Read your picture").select_option("garment")
    answered(page)


def test_a_busy_service_and_once_more(open_page: Open, watched: Watched, photo: bytes) -> None:
    """Photos take turns in one thread that someone else's keep busy."""
    watched.expected = {429}
    others = png(np.random.default_rng(0).integers(0, 255, (4000, 4000, 3), np.uint8))
    done = threading.Event()
    with Server(models_dir=str(MODELS), photo_threads=1, photo_queue=0, max_body_bytes=10**8) as server:

        def keep_busy() -> None:
            with httpx.Client(base_url=server.http.base_url, timeout=60) as client:
                while not done.is_set():
                    client.post("/preprocess?fit=garment", files={"file": others})

        crowd = [threading.Thread(target=keep_busy) for _ in range(3)]
        for each in crowd:
            each.start()
        try:
            page = open_page(server=server)
            alert = page.get_by_role("alert")
            for _ in range(50):  # between two of the others' photos there may be a gap that lets it through
                choose(page, photo)
                expect(page.locator("#status")).not_to_contain_text("looking at it", timeout=60_000)
                if alert.inner_text():
                    break
            refused(page, "requests are being worked on or waiting already: try again in a moment.")
        finally:
            done.set()
            for each in crowd:
                each.join()
        # with no place to wait, what the page asked and gave up would take a model's turn from what it asks now
        eventually(lambda: Figures(server)("wardrobe_http_requests_in_flight") == 1)
        page.get_by_role("button", name="Try again").click()
        answered(page)


def test_a_model_that_is_missing(open_page: Open, tmp_path: Path) -> None:
    """The others answer; its card says why it does not."""
    models = paper_models(tmp_path / "models")
    (models / "cnn" / "1" / "manifest.json").unlink()
    with Server(models_dir=str(models)) as server:
        page = open_page(server=server)
        page.get_by_role("button", name="Dress 1", exact=True).click()
        answered(page)
        expect(page.get_by_role("article", name="cnn")).to_contain_text("The model cnn is not available: version 1: no manifest.json")
        expect(page.get_by_role("article", name="ann").locator(".verdict")).to_contain_text("%")
        expect(page.get_by_role("article", name="cnn")).to_contain_text("Ask whoever runs the service")
        expect(page.locator("#status")).to_contain_text("ann says")


def test_no_model_and_no_comparison(open_page: Open, watched: Watched, tmp_path: Path) -> None:
    watched.expected = {404}
    with Server(models_dir=str(tmp_path)) as server:
        page = open_page(server=server)
        page.get_by_role("button", name="Dress 1", exact=True).click()
        expect(page.locator("#status")).to_contain_text("No model can answer now")
        page.goto(f"{watched.address}/#compare")
        expect(page.get_by_text("No model is served now")).to_be_visible()
        expect(page.get_by_role("link", name="This list")).to_have_attribute("href", "/models")
        page.goto(f"{watched.address}/#mistakes")
        expect(page.get_by_role("alert").filter(has_text="run `python -m training compare`")).to_be_visible()


def test_a_service_that_is_gone(open_page: Open, watched: Watched) -> None:
    watched.expected = {0}
    with Server(models_dir=str(MODELS)) as server:
        page = open_page(server=server)
        page.get_by_role("button", name="Bag 1", exact=True).click()
        answered(page)
        server.stop()
        page.get_by_role("button", name="Bag 2", exact=True).click()
        refused(page, "The service can't be reached: check your connection")
        expect(page.get_by_role("button", name="Try again")).to_be_visible()


def test_without_a_connection_and_with_it_again(open_page: Open, watched: Watched) -> None:
    watched.expected = {0}
    page = open_page()
    page.context.set_offline(True)
    page.get_by_role("link", name="Mistakes").click()
    failure = page.locator("[data-view=mistakes]").get_by_role("alert")
    expect(failure).to_contain_text("check your connection")
    page.context.set_offline(False)
    failure.get_by_role("button", name="Load again").click()
    expect(page.locator("[data-view=mistakes] [role=status]")).to_contain_text("test images")


def test_trying_again_keeps_the_focus_and_shows_the_view(open_page: Open, watched: Watched) -> None:
    watched.expected = {0}
    page = open_page()
    for path, view, heading in (("**/metrics", "compare", "Which model to trust?"), ("**/mistakes", "mistakes", "Where do they fail?")):
        page.route(path, lambda route: route.abort())
        page.goto(f"{watched.address}/#{view}")
        again = page.locator(f"[data-view={view}]").get_by_role("button", name="Try again")
        again.wait_for()
        page.unroute(path)
        again.click()
        expect(page.get_by_role("heading", name=heading)).to_be_focused()
        expect(page.locator(f"[data-view={view}] select").first).to_be_visible()


def test_charts_that_do_not_arrive_leave_the_figures(open_page: Open, watched: Watched) -> None:
    watched.expected = {0}
    page = open_page()
    page.route("**/vendor/plot/*", lambda route: route.abort())
    page.goto(f"{watched.address}/#compare")
    expect(page.get_by_text("The chart could not be loaded").first).to_be_visible()
    expect(page.get_by_role("table", name="Figures of each model on the test images")).to_be_visible()


def test_an_error_is_in_view_on_a_phone_and_keeps_the_focus(open_page: Open, watched: Watched) -> None:
    watched.expected = {0}
    page = open_page(viewport=NARROW)
    page.route("**/compare*", lambda route: route.abort())
    page.get_by_role("button", name="Bag 1", exact=True).click()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_in_viewport()
    page.unroute("**/compare*")
    again.press("Enter")
    expect(page.locator("#status")).to_be_focused()
    answered(page)


def test_a_failure_of_the_service_itself_names_the_request(open_page: Open, watched: Watched) -> None:
    """As problems.py words it: whoever runs the service finds the rest in its log."""
    watched.expected = {500}
    failure = problem(500, "Internal error", "The service failed unexpectedly; its log says more under this request id.", "5f0c")
    page = open_page()
    page.route("**/compare*", lambda route: route.fulfill(status=500, content_type=MEDIA_TYPE, body=failure.model_dump_json()))
    page.get_by_role("button", name="Bag 1", exact=True).click()
    refused(page, "The service failed unexpectedly", "(Request 5f0c.)")


def test_what_stands_in_front_of_the_service_may_answer(open_page: Open, watched: Watched) -> None:
    watched.expected = {502}
    page = open_page()
    page.route("**/compare*", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    page.get_by_role("button", name="Bag 1", exact=True).click()
    refused(page, "Something between this page and the service answered 502: try again in a moment.")
    page.unroute("**/compare*")
    page.get_by_role("button", name="Try again").click()
    answered(page)

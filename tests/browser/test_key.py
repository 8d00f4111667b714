"""A service that wants a key: the page asks for it, and sends it with all it asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.app.keys import KEY, key_file, line
from tests.browser.conftest import NARROW, Open, Watched
from tests.browser.test_try import answered
from tests.conftest import MODELS
from tests.server import Server


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with Server(models_dir=str(MODELS), api_keys=str(key_file(tmp_path_factory.mktemp("keys")))) as running:
        yield running


@pytest.fixture
def page(open_page: Open, keyed: Server, watched: Watched) -> Page:
    watched.expected = {401}
    return open_page(server=keyed)


def give(page: Page, key: str) -> None:
    page.get_by_label("API key").fill(key)
    page.get_by_role("button", name="Use it").click()


def test_it_asks_once_and_keeps_the_key_for_the_tab(page: Page) -> None:
    page.get_by_role("button", name="Bag 1", exact=True).click()
    give(page, KEY)
    answered(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "ms there and back" in page.locator("#status").inner_text()
    page.get_by_role("button", name="Bag 2", exact=True).click()
    answered(page)
    page.reload()
    page.get_by_role("button", name="Dress 1", exact=True).click()
    answered(page)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate("Object.values(sessionStorage)") == [KEY]
    assert page.evaluate("[Object.values(localStorage), document.cookie]") == [[], ""]


def test_it_says_that_a_key_is_wrong_and_takes_another(page: Page) -> None:
    page.get_by_role("button", name="Bag 1", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("This service answers only with a key.")
    give(page, "wrong")
    expect(page.get_by_role("dialog")).to_contain_text("The service does not know that key.")
    give(page, "no key at all")  # which the field itself refuses
    expect(page.get_by_role("dialog")).to_be_visible()
    give(page, KEY)
    answered(page)


def test_with_the_keyboard_and_a_screen_reader(page: Page) -> None:
    page.set_viewport_size(NARROW)  # type: ignore[arg-type]
    bag = page.get_by_role("button", name="Bag 1", exact=True)
    bag.press("Enter")
    dialog = page.get_by_role("dialog", name="Which key?")
    expect(dialog).to_be_visible()
    expect(page.get_by_label("API key")).to_be_focused()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(bag).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("This service answers only with a key: ask whoever runs it for one.")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    answered(page)


def test_every_view_and_picture_gets_it(page: Page) -> None:
    page.get_by_role("link", name="Mistakes").click()
    give(page, KEY)
    sprite = page.locator(".sprite").first
    expect(sprite).to_have_css("background-image", f'url("{sprite.evaluate("each => each.style.backgroundImage").split(chr(34))[1]}")')
    assert sprite.evaluate("each => each.style.backgroundImage").startswith('url("blob:')
    page.get_by_role("link", name="Try it: test image").first.click()
    answered(page)
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("table", name="Figures of each model on the test images")).to_be_visible()


@pytest.mark.parametrize(
    ("link", "name", "path"),
    [
        ("The report of cnn 2", "cnn-2.html", "/models/cnn/versions/2/report"),
        ("The models against each other", "comparison.html", "/comparison"),
        ("GET /metrics", "metrics.json", "/metrics"),
    ],
)
def test_a_link_that_can_not_send_it_saves_a_file(page: Page, keyed: Server, link: str, name: str, path: str) -> None:
    page.get_by_role("link", name="Compare").click()
    give(page, KEY)
    with page.expect_download() as saved:
        page.get_by_role("link", name=link, exact=True).click()
    assert saved.value.suggested_filename == name
    assert Path(saved.value.path()).read_bytes() == keyed.http.get(path, headers={"X-API-Key": KEY}).content
    expect(page.get_by_text(f"(saved as {name})")).to_be_visible()


def test_the_lines_to_repeat_it_name_the_key_and_do_not_show_it(page: Page) -> None:
    page.get_by_role("button", name="Bag 1", exact=True).click()
    give(page, KEY)
    answered(page)
    page.get_by_text("Repeat this from a terminal").click()
    shell, python = page.locator("#commands code").all_inner_texts()
    assert shell.startswith('curl -H "Authorization: Bearer $WARDROBE_API_KEY" -F ')
    assert 'os.environ["WARDROBE_API_KEY"]' in python
    assert KEY not in page.content()


def test_a_key_that_is_taken_back_is_asked_for_again(open_page: Open, watched: Watched, tmp_path: Path) -> None:
    watched.expected = {401}
    file = key_file(tmp_path)
    with Server(models_dir=str(MODELS), api_keys=str(file)) as server:
        page = open_page(server=server)
        page.get_by_role("button", name="Bag 1", exact=True).click()
        give(page, KEY)
        answered(page)
        file.write_text(line("tests", "new"))
        page.wait_for_timeout(1500)
        page.get_by_role("button", name="Bag 2", exact=True).click()
        expect(page.get_by_role("dialog")).to_contain_text("The service does not know that key.")
        give(page, "new")
        answered(page)


def test_the_api_page_sends_it(page: Page) -> None:
    page.get_by_role("link", name="API").click()
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").first.fill(KEY)
    page.locator(".auth-container").first.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").last.click()
    page.locator("#operations-models-list_models_models_get .opblock-summary-control").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")

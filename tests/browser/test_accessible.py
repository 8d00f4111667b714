"""For everyone: keyboard, screen reader, narrow and wide, light and dark, a slow connection."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import NARROW, WIDE, Open, Watched
from tests.browser.test_try import answered
from tests.server import Server

FIRST_VIEW_BYTES = 150_000
LOOKS = [(view, size, scheme) for view in ("", "#compare", "#mistakes") for size in (WIDE, NARROW) for scheme in ("light", "dark")]


@pytest.mark.parametrize(("view", "size", "scheme"), LOOKS)
def test_axe_finds_nothing_and_nothing_sticks_out(open_page: Open, view: str, size: dict[str, int], scheme: str) -> None:
    page = open_page(view, viewport=size, color_scheme=scheme)
    if not view:
        page.get_by_text("Draw one").click()
        page.get_by_role("button", name="Shirt 1", exact=True).click()
        answered(page)
        page.get_by_text("Repeat this from a terminal").click()
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_photos_steps_are_accessible_too(open_page: Open, photo: bytes) -> None:
    page = open_page()
    page.get_by_label("Choose a picture").set_input_files({"name": "trouser.jpg", "mimeType": "image/jpeg", "buffer": photo})
    answered(page)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_an_error_is_accessible_too(open_page: Open, watched: Watched) -> None:
    watched.expected = {0}
    page = open_page()
    page.route("**/compare*", lambda route: route.abort())
    page.locator("#gallery button").first.click()
    expect(page.get_by_role("alert")).to_contain_text("can't be reached")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def focused(page: Page) -> str:
    name: str = page.evaluate(
        "document.activeElement.ariaLabel || document.activeElement.labels?.[0].textContent || document.activeElement.textContent"
    )
    return " ".join(name.split())


def test_everything_with_the_keyboard_alone(open_page: Open) -> None:
    page = open_page()
    stops = []
    for _ in range(12):
        page.keyboard.press("Tab")
        stops.append(focused(page))
    assert stops[:2] == ["Skip to the content", "Wardrobe"]
    assert stops[2:6] == ["Try it", "Compare", "Mistakes", "API"]
    assert stops[6:8] == ["Choose a picture", "Take a photo"]
    assert stops[8] == "Read your picture"
    assert stops[9:11] == ["Draw one", "T-shirt/top 1"]
    page.keyboard.press("Shift+Tab")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "ArrowUp", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
    assert focused(page) == "Trouser 2"
    page.keyboard.press("Enter")
    answered(page)
    expect(page.locator("#status")).to_contain_text("It is in truth: Trouser.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#commands pre").first).to_be_visible()


def test_the_skip_link_and_the_views_take_the_focus_along(open_page: Open) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    expect(page.get_by_role("heading", name="What garment is this?")).to_be_visible()
    assert "#" not in page.url
    page.get_by_role("link", name="Mistakes").press("Enter")
    expect(page.get_by_role("heading", name="Where do they fail?")).to_be_focused()
    assert page.get_by_role("link", name="Mistakes").get_attribute("aria-current") == "page"
    assert page.title() == "Mistakes: Wardrobe"


def test_the_first_view_is_light(open_page: Open) -> None:
    page = open_page()
    sizes: dict[str, int] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    urls: dict[str, str] = {}
    session.on("Network.requestWillBeSent", lambda event: urls.update({event["requestId"]: event["request"]["url"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({urls[event["requestId"]]: event["encodedDataLength"]}))
    page.reload(wait_until="networkidle")
    assert any(url.endswith("/static/gallery.png") for url in sizes)
    assert any(url.endswith("/static/try.js") for url in sizes)
    assert sum(sizes.values()) < FIRST_VIEW_BYTES, sizes


def test_it_works_on_a_slow_connection(open_page: Open) -> None:
    page = open_page()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    # what browsers' tools call slow 3G
    session.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000},
    )
    page.reload()
    page.get_by_role("button", name="Bag 1", exact=True).click()
    answered(page)


def test_the_api_page(open_page: Open, server: Server) -> None:
    """Swagger UI, from files of our own: it lists the routes and tries one."""
    page = open_page()
    page.get_by_role("link", name="API").click()
    page.get_by_text("/explain", exact=True).wait_for()
    assert page.locator(".opblock").count() >= 10

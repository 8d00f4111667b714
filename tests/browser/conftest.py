"""A real browser before the real server: Debian's Chromium where there is one, else the one that Playwright installed."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests import data
from tests.server import Server

# without these it looks for Google's hosts and, as root, does not start
ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
)
# Playwright's own 5 s would be a test of the machine: a page waits for the image's file, a thread and a busy core's turn
expect.set_options(timeout=60_000)
WIDE, NARROW = {"width": 1600, "height": 900}, {"width": 360, "height": 740}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Ends with the package: while Playwright runs, no other test could start an event loop."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS.split())
        yield running
        running.close()


class Watched:
    """What a page must never do: write an error to the console, fail in a script, ask another host."""

    def __init__(self, server: Server) -> None:
        self.address = str(server.http.base_url)
        self.refused: list[str] = []
        self.expected: set[int] = set()
        """Statuses that a test provokes; the browser itself reports each in the console."""

    def watch(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.refused.append(str(error)))
        page.on("request", lambda request: None if self._ours(request.url) else self.refused.append(request.url))

    def _console(self, message: ConsoleMessage) -> None:
        provoked = any(f"status of {status} " in message.text for status in self.expected) or (
            0 in self.expected and "net::ERR_" in message.text
        )
        if message.type in ("error", "warning") and not provoked:
            self.refused.append(message.text)

    def _ours(self, url: str) -> bool:
        return url.startswith((self.address, "data:", f"blob:{self.address}"))


Open = Callable[..., Page]


@pytest.fixture
def watched(server: Server) -> Iterator[Watched]:
    watching = Watched(server)
    yield watching
    assert watching.refused == []


@pytest.fixture
def open_page(browser: Browser, watched: Watched) -> Iterator[Open]:
    """`open_page("#compare", server=…, viewport=NARROW, color_scheme="dark")`: the page in a new context, ready."""
    contexts: list[BrowserContext] = []

    def opened(view: str = "", *, server: Server | None = None, **options: object) -> Page:
        if server:
            watched.address = str(server.http.base_url)
        contexts.append(browser.new_context(**{"viewport": WIDE, **options}))  # type: ignore[arg-type]
        page = contexts[-1].new_page()
        watched.watch(page)
        page.goto(f"{watched.address}/{view}")
        if view:
            page.locator(f"[data-view={view[1:].split('?', maxsplit=1)[0]}] .content[aria-busy=false]").wait_for()
        else:
            page.locator("#gallery button").last.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def photo() -> bytes:
    """A photo of a trouser, 900x1200: a real test image, dark on a light wall, far from the middle, as a camera would take it."""
    images, labels = data.load()
    garment = Image.fromarray(255 - images[int(np.flatnonzero(labels == 1)[0]), ..., 0]).resize((500, 500), Image.Resampling.BICUBIC)
    wall = Image.new("RGB", (900, 1200), (255, 255, 255))
    wall.paste(garment, (320, 610))
    jpeg = io.BytesIO()
    wall.save(jpeg, "JPEG", quality=90)
    return jpeg.getvalue()

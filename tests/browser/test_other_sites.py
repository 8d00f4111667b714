"""What a real browser tells of another site's page, and that it gets such a page nowhere."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import ARGUMENTS
from tests.browser.test_try import answered
from tests.conftest import MODELS
from tests.server import Server

PAGE = """<!doctype html><form method="post" enctype="multipart/form-data" action="{target}/predict"><input name="file" value="x"></form>
<a href="{target}/models">a link</a>"""
ASK = """async ([address, mode, method]) => {
  try { const answer = await fetch(address, { method, mode, body: method === "POST" ? new FormData() : undefined }); return answer.type; }
  catch { return "failed"; }
}"""
SHOWN = """address => new Promise(done => {
  const image = new Image();
  image.onload = () => done(true);
  image.onerror = () => done(false);
  image.src = address;
})"""


@pytest.fixture(scope="module")
def elsewhere(browser: Browser) -> Iterator[Browser]:
    """A browser to which names ending in .test are this machine. To 127.0.0.1 it says `Sec-Fetch-Site`; to a name, by plain HTTP, not."""
    # new browsers let no page but a secure one ask what is on this machine; others do
    rules = (
        "--host-resolver-rules=MAP *.test 127.0.0.1",
        "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
    )
    running = browser.browser_type.launch(executable_path=shutil.which("chromium"), args=[*ARGUMENTS.split(), *rules])
    yield running
    running.close()


@contextmanager
def other_site(target: str) -> Iterator[str]:
    """The address of another site, whose page is about the service at `target`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE.format(target=target).encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    serving = threading.Thread(target=http.serve_forever)
    serving.start()
    try:
        yield f"http://evil.test:{http.server_address[1]}/"
    finally:
        http.shutdown()
        serving.join()
        http.server_close()


@dataclass
class Attack:
    """What another site's page saw of the service, and what the service answered to each of its posts: one unseen, one seen, a form."""

    seen: list[str | bool]
    statuses: list[int]


def attacked(browser: Browser, server: Server, host: str) -> Attack:
    """An attack on the service at `host` by a page that a person visits."""
    target, before = f"http://{host}:{server.port}", len(posts(server))
    page = browser.new_page()
    with other_site(target) as evil:
        page.goto(evil)
        seen = [page.evaluate(ASK, [f"{target}/predict", mode, "POST"]) for mode in ("no-cors", "cors")]
        seen += [page.evaluate(ASK, [f"{target}/metrics", mode, "GET"]) for mode in ("no-cors", "cors")]
        seen.append(page.evaluate(SHOWN, f"{target}/static/gallery.png"))
        with page.expect_navigation(url=f"{target}/predict"):
            page.evaluate("document.forms[0].submit()")
    page.close()
    for _ in range(600):  # a line is written after its answer
        if len(statuses := posts(server)[before:]) == 3:
            break
        time.sleep(0.1)
    return Attack(seen, statuses)


def posts(server: Server) -> list[int]:
    return [each["status"] for each in server.logs() if (each.get("method"), each.get("path")) == ("POST", "/predict")]


def it_gets_nowhere(attack: Attack) -> None:
    assert attack.seen == ["failed", "failed", "failed", "failed", False]
    assert attack.statuses == [403, 403, 403]


@pytest.mark.parametrize("host", ["127.0.0.1", "wardrobe.test"])
def test_another_sites_page_gets_nowhere(elsewhere: Browser, server: Server, host: str) -> None:
    it_gets_nowhere(attacked(elsewhere, server, host))


@pytest.mark.parametrize("host", ["127.0.0.1", "wardrobe.test"])
def test_without_the_check_it_does(elsewhere: Browser, host: str) -> None:
    with Server(models_dir=str(MODELS), changed="import app.access\napp.access.is_cross_site = lambda *_: False\n") as server:
        seen = attacked(elsewhere, server, host)
    assert seen.statuses == [422, 422, 422]  # the form was read
    with pytest.raises(AssertionError):
        it_gets_nowhere(seen)


def test_a_link_from_another_site_and_our_own_page_are_answered(elsewhere: Browser, server: Server) -> None:
    for host in ("127.0.0.1", "wardrobe.test"):
        page = elsewhere.new_page()
        target = f"http://{host}:{server.port}"
        with other_site(target) as evil:
            page.goto(evil)
            with page.expect_response(f"{target}/models") as models:
                page.get_by_role("link").click()
        assert models.value.status == 200
        page.goto(target)
        page.get_by_role("button", name="Bag 1", exact=True).click()
        answered(page)
        expect(page.get_by_role("alert")).to_be_empty()
        page.close()

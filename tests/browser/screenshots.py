"""The README's pictures of the page: `python -m tests.browser.screenshots docs`, or `make screenshots`."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.conftest import ARGUMENTS
from tests.conftest import MODELS
from tests.server import Server

SHOTS = {
    "page.png": ("", {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"}),
    "page-phone.png": ("", {"viewport": {"width": 360, "height": 860}, "color_scheme": "dark"}),
    "compare.png": ("#compare", {"viewport": {"width": 1280, "height": 860}, "color_scheme": "light"}),
}
SHOWN = "Shirt 5"


def main() -> None:
    """Write each picture."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(exist_ok=True)
    with Server(models_dir=str(MODELS)) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS.split())
        for name, (view, options) in SHOTS.items():
            page = browser.new_context(**options).new_page()  # type: ignore[arg-type]
            page.goto(f"{server.http.base_url}/{view}")
            if view:
                page.get_by_role("img", name="ann: accuracy by epoch").wait_for()
            else:
                page.get_by_role("button", name=SHOWN, exact=True).click()
                page.locator(".reason canvas").nth(2).wait_for()  # of each model
            page.screenshot(path=folder / name)
        browser.close()


if __name__ == "__main__":
    main()

"""Trying a picture: however it comes, the page shows what the API answers."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Error, Locator, Page, Route, expect

from tests import data
from tests.app.folders import NEWEST
from tests.browser.conftest import NARROW, Open
from tests.conftest import png
from tests.server import ROOT, Server

LABELS = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
GALLERY = ROOT / "app" / "web" / "static" / "gallery.png"


def gallery_image(label: str, number: int) -> bytes:
    """The gallery's image of this name, a PNG."""
    row, column = LABELS.index(label), number - 1
    return png(np.asarray(Image.open(GALLERY))[28 * row : 28 * row + 28, 28 * column : 28 * column + 28])


def answered(page: Page) -> None:
    """Wait until the answers and every model's reasons are there."""
    expect(page.locator("#status")).to_contain_text("there and back")
    expect(page.locator(".reason canvas")).to_have_count(page.locator(".card .bars").count())


def pixels(canvas: Locator) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Uint8 `(28, 28, 3)`: what a canvas holds."""
    address = canvas.evaluate("canvas => canvas.toDataURL()")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGB"))


def assert_answers(page: Page, server: Server, image: bytes, fit: str) -> dict[str, Any]:
    """The page shows what the API says of this image: labels, confidences, probabilities, warnings, the image seen."""
    answered(page)
    answers: dict[str, Any] = server.http.post(f"/compare?fit={fit}", files={"file": image}).json()["models"]
    for name, answer in answers.items():
        card = page.get_by_role("article", name=f"{name} version {answer['version']}")
        expect(card.locator(".verdict")).to_contain_text(f"{answer['label']} {100 * answer['confidence']:.1f}\xa0%")
        rows = card.get_by_role("row").all_inner_texts()
        shown = [row.split("\t") for row in rows]
        assert [(label, share) for label, *_, share in shown] == [
            (label, f"{100 * probability:.1f}\xa0%") for label, probability in answer["probabilities"].items()
        ]
        assert card.locator(".warnings li").all_inner_texts() == answer["warnings"]
    seen = server.http.post(f"/preprocess?fit={fit}", files={"file": image}).json()
    assert pixels(page.locator("#seen .main canvas"))[..., 0].tolist() == seen["pixels"]
    return answers


def test_an_image_of_the_gallery(open_page: Open, server: Server) -> None:
    page = open_page()
    expect(page.locator("#status")).to_have_text("Choose a picture, and the answers appear here.")
    page.get_by_role("button", name="Shirt 5", exact=True).click()
    answers = assert_answers(page, server, gallery_image("Shirt", 5), "strict")
    assert answers.keys() == NEWEST.keys()
    expect(page.locator("#seen figcaption")).to_have_text("28x28. In truth: Shirt")
    for name, answer in answers.items():
        right = "right" if answer["label"] == "Shirt" else "wrong"
        expect(page.get_by_role("article", name=name).locator(".verdict")).to_contain_text(right)


def test_the_gallery_is_real_and_named(open_page: Open) -> None:
    page = open_page()
    names = [f"{label} {number + 1}" for label in LABELS for number in range(10)]
    assert page.locator("#gallery").get_by_role("button").evaluate_all("all => all.map(each => each.ariaLabel)") == names


def test_a_photo_goes_through_the_steps(open_page: Open, server: Server, photo: bytes) -> None:
    page = open_page()
    page.get_by_label("Choose a picture").set_input_files({"name": "trouser.jpg", "mimeType": "image/jpeg", "buffer": photo})
    answers = assert_answers(page, server, photo, "garment")
    assert {answer["label"] for answer in answers.values()} == {"Trouser"}
    expect(page.locator("#status")).to_contain_text("All 3 models say Trouser.")
    steps = server.http.post("/preprocess?fit=garment", files={"file": photo}).json()["steps"]
    shown = page.get_by_role("list", name="From the photo to what the models see").get_by_role("listitem")
    assert shown.all_inner_texts() == [step["description"] for step in steps[:-1]]
    loaded = shown.locator("img").evaluate_all("all => all.map(each => each.naturalWidth)")
    assert all(loaded)


def test_a_28x28_file_is_read_as_it_is_unless_told_otherwise(open_page: Open, server: Server) -> None:
    bright = png(255 - np.asarray(Image.open(io.BytesIO(gallery_image("Bag", 1)))))
    page = open_page()
    page.get_by_label("Choose a picture").set_input_files({"name": "bag.png", "mimeType": "image/png", "buffer": bright})
    answers = assert_answers(page, server, bright, "strict")
    assert all("bright border" in answer["warnings"][0] for answer in answers.values())
    page.get_by_label("Read it").select_option("garment")
    expect(page.locator(".warnings", has_text="bright border")).to_have_count(0)
    assert_answers(page, server, bright, "garment")


def test_a_photo_of_the_phones_camera(open_page: Open, server: Server, photo: bytes) -> None:
    page = open_page(viewport=NARROW, has_touch=True, is_mobile=True)
    camera = page.get_by_label("Take a photo")
    assert camera.get_attribute("capture") == "environment"
    camera.set_input_files({"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": photo})
    assert_answers(page, server, photo, "garment")
    expect(page.locator("#status")).to_be_in_viewport()


def test_a_large_photo_is_sent_smaller(open_page: Open, server: Server) -> None:
    noise = np.random.default_rng(0).integers(0, 30, (3000, 2400, 3), np.uint8)
    noise[600:2400, 800:1600] += 200  # light on dark, and too restless to be a small file
    large = png(noise)
    assert len(large) > 4_000_000
    page = open_page()
    with page.expect_request("**/compare**") as sent:
        page.get_by_label("Choose a picture").set_input_files({"name": "large.png", "mimeType": "image/png", "buffer": large})
    answered(page)
    assert len(sent.value.post_data_buffer or b"") < 2_000_000
    expect(page.locator("#seen")).to_contain_text("a copy of 1280x1600 pixels was sent")


def handed(page: Page, event: str, files: dict[str, bytes]) -> None:
    """What the browser does when these files are dropped or pasted: an event that carries them."""
    encoded = {name: base64.b64encode(content).decode() for name, content in files.items()}
    page.evaluate(
        """([event, files]) => {
            const transfer = new DataTransfer();
            for (const [name, content] of Object.entries(files)) {
                const bytes = Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type: "image/png" }));
            }
            const options = { bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer };
            const made = event === "paste" ? new ClipboardEvent(event, options) : new DragEvent(event, options);
            document.querySelector("#sources").dispatchEvent(made);
        }""",
        [event, encoded],
    )


@pytest.mark.parametrize("event", ["drop", "paste"])
def test_a_picture_dropped_or_pasted(open_page: Open, server: Server, event: str) -> None:
    page = open_page()
    image = gallery_image("Sandal", 2)
    handed(page, event, {"sandal.png": image})
    assert_answers(page, server, image, "strict")


@pytest.mark.parametrize(("event", "says"), [("drop", "That was no file"), ("paste", "There is no picture in the clipboard")])
def test_what_is_no_file_is_answered(open_page: Open, event: str, says: str) -> None:
    page = open_page()
    handed(page, event, {})
    expect(page.get_by_role("alert")).to_contain_text(says)


def drawn(page: Page, server: Server) -> dict[str, Any]:
    """The answers to the drawing, which is what the models see."""
    answered(page)
    drawing = png(pixels(page.locator("#drawing canvas"))[..., 0])
    return assert_answers(page, server, drawing, "strict")


def test_drawing_with_the_mouse(open_page: Open, server: Server) -> None:
    """A trouser: a waist and two legs."""
    page = open_page()
    page.get_by_text("Draw one").click()
    page.get_by_label("Brush").select_option("thick")
    box = page.locator("#drawing canvas").bounding_box()
    assert box

    def point(x: float, y: float) -> tuple[float, float]:
        assert box
        return box["x"] + box["width"] * x / 28, box["y"] + box["height"] * y / 28

    for stroke in ([(9, 3), (19, 3)], [(10, 3), (10, 25)], [(18, 3), (18, 25)], [(12, 3), (12, 6), (16, 6)]):
        page.mouse.move(*point(*stroke[0]))
        page.mouse.down()
        for place in stroke[1:]:
            page.mouse.move(*point(*place), steps=4)
        page.mouse.up()
    page.wait_for_timeout(400)
    answers = drawn(page, server)
    assert answers["cnn"]["label"] == "Trouser"
    page.get_by_role("button", name="Clear").click()
    assert not pixels(page.locator("#drawing canvas")).any()


def test_drawing_with_a_finger(open_page: Open, server: Server) -> None:
    page = open_page(viewport=NARROW, has_touch=True, is_mobile=True)
    page.get_by_text("Draw one").tap()
    canvas = page.locator("#drawing canvas")
    canvas.scroll_into_view_if_needed()
    canvas.tap()
    drawn(page, server)
    painted = pixels(canvas)[..., 0]
    assert painted[14, 14] == 230
    assert np.count_nonzero(painted) == 9


def test_drawing_with_the_keyboard(open_page: Open, server: Server) -> None:
    page = open_page()
    page.get_by_text("Draw one").press("Enter")
    page.get_by_label("Brush").select_option("thin")
    canvas = page.locator("#drawing canvas")
    canvas.focus()
    for key in ("ArrowUp", "Shift+ArrowRight", "Shift+ArrowRight", "ArrowDown", "Space"):
        canvas.press(key)
    expect(page.locator("#drawing [role=status]")).to_have_text("Column 17, row 15")
    drawn(page, server)
    assert np.argwhere(pixels(canvas)[..., 0]).tolist() == [[13, 15], [13, 16], [14, 16]]


def test_why_is_what_the_api_explains(open_page: Open, server: Server) -> None:
    page = open_page()
    page.get_by_role("button", name="Ankle boot 1", exact=True).click()
    answered(page)
    image = gallery_image("Ankle boot", 1)
    grey = np.asarray(Image.open(io.BytesIO(image)))
    for name in NEWEST:
        change = np.array(server.http.post(f"/explain?model={name}", files={"file": image}).json()["change"])
        shown = pixels(page.get_by_role("img", name=f"Map of what {name} looks at")).astype(int)
        colourful = np.ptp(shown, axis=2) > 40
        strong = np.abs(change) > 0.5 * max(0.01, np.abs(change).max())
        assert colourful[strong].all(), name
        assert (shown[change == 0] == grey[change == 0][:, None]).all(), name
        blue = shown[..., 2] > shown[..., 0]
        assert (blue[strong] == (change[strong] < 0)).all(), name
        words = page.get_by_role("article", name=name).locator(".reason figcaption")
        if change.min() <= -0.01:
            expect(words).to_contain_text(f"covering that takes {-100 * change.min():.0f} points off")


def test_the_lines_repeat_the_prediction(open_page: Open, server: Server, photo: bytes, tmp_path: Path) -> None:
    """Run as they are shown, in a folder with the file; its name is one that a shell and curl would take apart."""
    name = "a 'b';c.jpg"
    (tmp_path / name).write_bytes(photo)
    page = open_page()
    page.get_by_label("Choose a picture").set_input_files(tmp_path / name)
    answered(page)
    page.get_by_text("Repeat this from a terminal").click()
    page.get_by_label("Model", exact=True).select_option("ann")
    shell, python = page.locator("#commands pre").all_inner_texts()
    expected = server.http.post("/predict?model=ann&fit=garment", files={"file": photo}).json()
    run = subprocess.run(["bash", "-c", f"curl -sS {shell.removeprefix('curl')}"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == expected
    run = subprocess.run([sys.executable, "-c", python], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == f"{expected['label']} {expected['confidence']}\n"


def test_the_lines_can_be_copied_and_the_picture_kept(open_page: Open) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"], accept_downloads=True)
    page.get_by_role("button", name="Coat 3", exact=True).click()
    answered(page)
    page.get_by_text("Repeat this from a terminal").click()
    page.get_by_role("button", name="Copy the lines for Terminal").click()
    expect(page.locator(".snippet").first).to_contain_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#commands pre").first.inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="coat-3.png").click()
    kept = np.asarray(Image.open(download.value.path()).convert("L"))
    assert np.array_equal(kept, np.asarray(Image.open(io.BytesIO(gallery_image("Coat", 3)))))


def test_the_newest_picture_counts(open_page: Open, server: Server) -> None:
    """Of two in a row the second one's answers stay, though the first one's come later."""
    page = open_page()
    held: list[Route] = []
    page.route("**/compare*", lambda route: held.append(route), times=1)  # noqa: PLW0108 -- Playwright marks it; a built-in refuses
    page.get_by_role("button", name="Bag 1", exact=True).click()
    page.wait_for_timeout(200)
    page.get_by_role("button", name="Trouser 1", exact=True).click()
    assert_answers(page, server, gallery_image("Trouser", 1), "strict")
    assert len(held) == 1
    with contextlib.suppress(Error):  # the page has given it up
        held[0].continue_()
    page.wait_for_timeout(200)
    assert_answers(page, server, gallery_image("Trouser", 1), "strict")


def test_every_image_of_the_data_is_seen_as_it_is(server: Server) -> None:
    """What a canvas makes of a grey image is the same grey: 300 test images through a browser's PNG, colour and all."""
    images, _ = data.load()
    for image in images[::30, ..., 0]:
        colour = io.BytesIO()
        Image.fromarray(image).convert("RGBA").save(colour, "PNG")
        assert server.http.post("/preprocess", files={"file": colour.getvalue()}).json()["pixels"] == image.tolist()

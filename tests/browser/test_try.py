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
from playwright.sync_api import Error, Locator, Page, Request, Route, expect

from tests.app.folders import NEWEST
from tests.browser.conftest import NARROW, Open, Watched
from tests.conftest import encoded, png
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


def sent_bytes(request: Request) -> int:
    return int(request.all_headers()["content-length"])


def in_plain_words(warning: str) -> str:
    """The API's advice to whoever writes requests, as advice to whoever looks at the page."""
    return warning.replace(
        "negate it, or add fit=garment to have that done.", "have it read as a photo, by \u201cRead your picture\u201d, and that is mended."
    )


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
        assert card.locator(".warnings li").all_inner_texts() == [in_plain_words(each) for each in answer["warnings"]]
    seen = server.http.post(f"/preprocess?fit={fit}", files={"file": image}).json()
    assert pixels(page.locator("#seen .main canvas"))[..., 0].tolist() == seen["pixels"]
    expect(page.locator("#result")).to_have_attribute("aria-busy", "false")
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
    page.get_by_label("Read your picture").select_option("garment")
    expect(page.locator(".warnings", has_text="bright border")).to_have_count(0)
    assert_answers(page, server, bright, "garment")


def test_a_photo_of_the_phones_camera(open_page: Open, server: Server, photo: bytes) -> None:
    page = open_page(viewport=NARROW, has_touch=True, is_mobile=True)
    camera = page.get_by_label("Take a photo")
    assert camera.get_attribute("capture") == "environment"
    camera.set_input_files({"name": "IMG_1.jpg", "mimeType": "image/jpeg", "buffer": photo})
    assert_answers(page, server, photo, "garment")
    expect(page.locator("#status")).to_be_in_viewport()


def noisy(side: int, mode: str) -> bytes:
    """A garment with a grain, of `side` pixels: light on dark; with an alpha channel, dark on nothing."""
    grain = np.random.default_rng(0).integers(0, 30, (side, side, 3), np.uint8)
    shape = np.zeros((side, side), bool)
    shape[side // 5 : -side // 5, side // 3 : -side // 3] = True
    if mode == "RGBA":
        return png(np.dstack([grain, np.where(shape, 255, 0).astype(np.uint8)]))
    return png(np.where(shape[..., None], grain + 200, grain).astype(np.uint8))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_large_photo_is_sent_smaller_and_seen_the_same(open_page: Open, server: Server, mode: str) -> None:
    large = noisy(2400, mode)
    page = open_page()
    with page.expect_request("**/compare**") as sent:
        page.get_by_label("Choose a picture").set_input_files({"name": "large.png", "mimeType": "image/png", "buffer": large})
    answered(page)
    assert 0 < sent_bytes(sent.value) < len(large) / 4
    expect(page.locator("#seen")).to_contain_text("A copy of 1600x1600 pixels was sent")
    seen = np.array(server.http.post("/preprocess?fit=garment", files={"file": large}).json()["pixels"])
    assert np.abs(pixels(page.locator("#seen .main canvas"))[..., 0].astype(int) - seen).max() <= 24
    page.get_by_text("Repeat this from a terminal").click()
    expect(page.get_by_role("link", name="large-1600x1600.jpg")).to_be_visible()


def test_a_kind_that_only_the_browser_knows(open_page: Open, server: Server, photo: bytes) -> None:
    gif = encoded(Image.open(io.BytesIO(photo)), "GIF")
    assert server.http.post("/predict?fit=garment", files={"file": gif}).status_code == 415
    page = open_page()
    page.get_by_label("Choose a picture").set_input_files({"name": "trouser.gif", "mimeType": "image/gif", "buffer": gif})
    answered(page)
    expect(page.locator("#status")).to_contain_text("All 3 models say Trouser.")


@pytest.mark.parametrize("kind", ["WEBP", "BMP"])
def test_a_photo_of_another_kind(open_page: Open, server: Server, photo: bytes, kind: str) -> None:
    content = encoded(Image.open(io.BytesIO(photo)), kind)
    page = open_page()
    page.get_by_label("Choose a picture").set_input_files({"name": "a", "mimeType": f"image/{kind.lower()}", "buffer": content})
    assert_answers(page, server, content, "garment")


def test_a_photo_is_uploaded_twice_and_its_reasons_from_what_the_models_see(open_page: Open, photo: bytes) -> None:
    page = open_page()
    asked: list[Request] = []
    page.on("request", lambda request: asked.append(request))  # noqa: PLW0108 -- as below
    page.get_by_label("Choose a picture").set_input_files({"name": "trouser.jpg", "mimeType": "image/jpeg", "buffer": photo})
    answered(page)
    sizes = [(each.url.split("?")[0].rsplit("/", 1)[1], sent_bytes(each)) for each in asked if each.method == "POST"]
    assert [path for path, _ in sizes] == ["compare", "preprocess", *["explain"] * len(NEWEST)]
    assert all(len(photo) < size < len(photo) + 1024 for _, size in sizes[:2])
    assert all(0 < size < 4096 for _, size in sizes[2:])


def test_answers_stay_where_what_the_models_see_can_not_be_shown(open_page: Open, watched: Watched) -> None:
    watched.expected = {0}
    page = open_page()
    page.route("**/preprocess*", lambda route: route.abort())
    page.get_by_role("button", name="Bag 1", exact=True).click()
    expect(page.locator("#seen")).to_contain_text("What they see can't be shown: The service can't be reached")
    expect(page.locator("#status")).to_contain_text("In truth" if False else "It is in truth: Bag.")
    expect(page.get_by_role("article", name="cnn").locator(".bars")).to_be_visible()


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
    page.get_by_role("button", name="Bag 1", exact=True).click()
    answered(page)
    handed(page, event, {})
    expect(page.get_by_role("alert")).to_contain_text(says)
    expect(page.get_by_role("article", name="cnn")).to_be_visible()


def drawn(page: Page, server: Server) -> dict[str, Any]:
    """The answers to the drawing, once they are there: what the models see is what is drawn."""
    for _ in range(100):
        drawing = pixels(page.locator("#drawing canvas"))
        if page.locator("#seen .main canvas").count() and np.array_equal(pixels(page.locator("#seen .main canvas")), drawing):
            break
        page.wait_for_timeout(100)
    return assert_answers(page, server, png(drawing[..., 0]), "strict")


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
    expect(canvas).to_be_in_viewport(ratio=1)  # for the next stroke
    painted = pixels(canvas)[..., 0]
    assert painted[14, 14] == 230
    assert np.count_nonzero(painted) == 9
    canvas.tap(position={"x": 10, "y": 10})
    drawn(page, server)
    assert np.count_nonzero(pixels(canvas)[..., 0]) == 18


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
            expect(words).to_contain_text(f"covering that takes some {-100 * change.min():.0f} points off")


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
    run = subprocess.run([sys.executable, "-I", "-c", python], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert run.stdout == f"{expected['label']} {expected['confidence']}\n"


def test_where_a_browser_lets_no_page_copy_the_lines_are_selected(open_page: Open) -> None:
    """As it does without https, but on this machine itself."""
    page = open_page()
    page.evaluate("() => Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="Coat 3", exact=True).click()
    answered(page)
    page.get_by_text("Repeat this from a terminal").click()
    page.get_by_role("button", name="Copy the lines for Python").click()
    expect(page.locator(".snippet").last).to_contain_text("Selected: copy it")
    assert page.evaluate("getSelection().toString()").strip() == page.locator("#commands pre").last.inner_text().strip()


def test_a_hostile_name_reaches_no_terminal(open_page: Open) -> None:
    page = open_page()
    name = "a\x1b[2J\u202e$(id)`id`.png"
    page.get_by_label("Choose a picture").set_input_files({"name": name, "mimeType": "image/png", "buffer": gallery_image("Bag", 1)})
    answered(page)
    page.get_by_text("Repeat this from a terminal").click()
    for lines in page.locator("#commands pre").all_inner_texts():
        assert "a_[2J_$(id)`id`.png" in lines
        assert lines.replace("\n", "").isprintable()


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


def test_a_cell_of_a_sprite_is_exactly_the_image(open_page: Open, server: Server) -> None:
    """Cut out by a canvas and sent as the PNG that it makes, colours and all: each of the gallery's hundred images."""
    page = open_page()
    cells = page.evaluate("""async () => {
        const { cellFile } = await import("/static/picture.js");
        const cells = [];
        for (let position = 0; position < 100; position++) {
            const file = await cellFile("/static/gallery.png", 10, position, "cell.png");
            cells.push(btoa(String.fromCharCode(...new Uint8Array(await file.arrayBuffer()))));
        }
        return cells;
    }""")
    for position, cell in enumerate(cells):
        answer = server.http.post("/preprocess", files={"file": base64.b64decode(cell)}).json()
        image = np.asarray(Image.open(io.BytesIO(gallery_image(LABELS[position // 10], position % 10 + 1))))
        assert answer["pixels"] == image.tolist()

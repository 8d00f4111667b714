"""What the models see of an upload, and the steps that lead there: those that classifying takes, shown one by one."""

from __future__ import annotations

import base64
import io
from collections.abc import Awaitable
from typing import Any

import anyio
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from app.classifier import Classifier
from app.garment import STEPS, TRIM_FUZZ, garment
from app.images import Fit, decode
from app.preprocessing import SHOWN_SIDE, preprocess
from app.schemas.preprocessing import Preprocessed, Step
from app.settings import Settings
from tests import data
from tests.app.crowd import outcomes
from tests.app.test_garment import LIMIT, RENDERS
from tests.app.test_uploads import GOOD, NOISE, PNG, rejected
from tests.conftest import encoded, png
from tests.server import Server

Pixels = npt.NDArray[np.uint8]

IMAGES, _ = data.load()
BOOT = Image.fromarray(IMAGES[0, ..., 0])


def shown(step: Step) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(step.png, validate=True)), formats=["PNG"])


def pixels_of(image: Image.Image) -> Pixels:
    return np.asarray(image, dtype=np.uint8)


def photo(width: int, height: int) -> Image.Image:
    """A dark garment on a light wall, below and to the right of the middle."""
    wall = Image.new("L", (width, height), 240)
    side = min(width, height) // 2
    wall.paste(
        ImageOps.invert(BOOT).resize((side, side), Image.Resampling.BICUBIC).point(lambda level: min(level, 240)),
        (width - side, height - side),
    )
    return wall


def turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(photo(300, 200), "PNG", exif=exif)


UPLOADS = {
    **{name: render(BOOT) for name, render in RENDERS.items()},
    "turned": turned(),
    "16-bit": encoded(Image.fromarray(np.linspace(0, 65535, 1200, dtype=np.uint16).reshape(30, 40)), "PNG"),
    "palette": encoded(photo(1000, 900).convert("P"), "PNG"),
    "black and white": encoded(photo(1000, 900).convert("1"), "BMP"),
    "WebP": encoded(photo(100, 300).convert("RGB"), "WEBP"),
    "blank": encoded(Image.new("L", (50, 40), 255), "PNG"),
    "one pixel": encoded(Image.new("L", (1, 1), 7), "PNG"),
    "a line": encoded(photo(2000, 10), "PNG"),
}


@pytest.mark.parametrize("name", UPLOADS)
def test_the_pixels_are_those_that_are_classified(name: str) -> None:
    answer = preprocess(UPLOADS[name], "garment", LIMIT)
    assert answer.pixels == decode(UPLOADS[name], "garment", LIMIT).pixels.tolist()
    assert answer.fit == "garment"
    assert np.shape(answer.pixels) == (28, 28)


@pytest.mark.parametrize("name", UPLOADS)
def test_the_steps_lead_in_order_to_these_pixels(name: str) -> None:
    answer = preprocess(UPLOADS[name], "garment", LIMIT)
    assert [(each.name, each.description) for each in answer.steps] == list(STEPS.items())
    assert all(each.description.endswith(".") for each in answer.steps)
    last = shown(answer.steps[-1])
    assert (last.size, last.mode) == ((28, 28), "L")
    assert pixels_of(last).tolist() == answer.pixels


@pytest.mark.parametrize("name", UPLOADS)
def test_a_picture_is_its_step_reduced_to_what_a_page_shows(name: str) -> None:
    for step in preprocess(UPLOADS[name], "garment", LIMIT).steps:
        picture = shown(step)
        assert picture.mode == "L"
        assert max(picture.size) == min(SHOWN_SIDE, max(step.width, step.height))
        scale = max(picture.size) / max(step.width, step.height)
        assert min(picture.size) == pytest.approx(scale * min(step.width, step.height), abs=1)


def test_a_large_photos_answer_is_small() -> None:
    noise = encoded(Image.effect_noise((895, 895), 60), "PNG")
    answer = preprocess(noise, "garment", LIMIT)
    assert [(each.width, each.height) for each in answer.steps][:2] == [(895, 895), (895, 895)]
    assert max(max(shown(each).size) for each in answer.steps) == SHOWN_SIDE == 224
    assert len(answer.model_dump_json()) < 6 * 224 * 224 * 4 / 3
    assert len(noise) > 500_000


def steps(image: Image.Image) -> tuple[dict[str, Image.Image], dict[str, Step]]:
    found = preprocess(encoded(image, "PNG"), "garment", LIMIT).steps
    return {each.name: shown(each) for each in found}, {each.name: each for each in found}


def test_each_picture_shows_what_its_step_did() -> None:
    image = photo(220, 160)
    pictures, _ = steps(image)
    assert pixels_of(pictures["grey"]).tolist() == pixels_of(image).tolist()
    assert pixels_of(pictures["ground"]).tolist() == (240 - pixels_of(image).astype(int)).tolist()
    rows, columns = np.nonzero(pixels_of(pictures["ground"]) > TRIM_FUZZ)
    cut = pixels_of(pictures["ground"])[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    assert pixels_of(pictures["trim"]).tolist() == cut.tolist()
    assert max(pictures["resize"].size) == 28 > min(pictures["resize"].size)
    assert pictures["sharpen"].size == pictures["resize"].size
    assert pixels_of(pictures["sharpen"]).std() > pixels_of(pictures["resize"]).std()
    ground = (28 - pictures["sharpen"].height) // 2
    assert pixels_of(pictures["centre"])[ground : ground + pictures["sharpen"].height].tolist() == pixels_of(pictures["sharpen"]).tolist()


def test_a_steps_size_is_that_of_its_result_and_not_of_its_picture() -> None:
    pictures, of = steps(photo(800, 600))
    assert (of["grey"].width, of["grey"].height) == (800, 600)
    assert pictures["grey"].size == (224, 168)
    assert 224 < of["trim"].width < of["ground"].width == 800
    assert (of["centre"].width, of["centre"].height) == (28, 28)


@pytest.mark.parametrize("image", [BOOT, BOOT.convert("RGB"), ImageOps.invert(BOOT)])
def test_what_is_taken_as_it_is_has_no_steps(image: Image.Image) -> None:
    answer = preprocess(encoded(image, "PNG"), "strict", LIMIT)
    assert answer == Preprocessed(fit="strict", pixels=pixels_of(image.convert("L")).tolist(), steps=[], warnings=[])


@pytest.mark.parametrize("fit", ["strict", "garment"])
def test_a_remark_about_the_file_is_in_the_answer(fit: Fit) -> None:
    animated = encoded(BOOT, "PNG", save_all=True, append_images=[ImageOps.invert(BOOT)])
    assert preprocess(animated, fit, LIMIT).warnings == ["The file holds 2 pictures: only the first was classified."]


@pytest.mark.parametrize("name", UPLOADS)
def test_being_watched_changes_nothing(name: str) -> None:
    with Image.open(io.BytesIO(UPLOADS[name])) as image:
        alone = garment(image)
    seen: list[tuple[str, Image.Image]] = []
    with Image.open(io.BytesIO(UPLOADS[name])) as image:
        watched = garment(image, lambda step, result: seen.append((step, result)))
    assert alone.dtype == np.uint8
    assert alone.shape == (28, 28)
    assert (watched == alone).all()
    assert [step for step, _ in seen] == list(STEPS)
    assert {result.mode for _, result in seen} == {"L"}
    assert (pixels_of(seen[-1][1]) == alone).all()


def posted(server: Server, content: bytes, query: str = "") -> dict[str, Any]:
    response = server.http.post(f"/preprocess?{query}", files={"file": content})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_over_http_it_is_what_predict_classifies(server: Server) -> None:
    upload = encoded(photo(900, 1200).convert("RGB"), "JPEG", quality=90)
    answer = posted(server, upload, "fit=garment")
    assert answer == preprocess(upload, "garment", LIMIT).model_dump()
    predicted = server.http.post("/predict?fit=garment", files={"file": upload}).json()
    again = server.http.post("/predict", files={"file": png(np.array(answer["pixels"], np.uint8))}).json()
    assert again["probabilities"] == predicted["probabilities"]
    assert again["label"] == "Ankle boot"


@pytest.mark.parametrize("raw", [False, True])
def test_over_http_an_image_is_taken_as_it_is_unless_asked(server: Server, raw: bool) -> None:
    content = png(IMAGES[1, ..., 0])
    answer = server.http.post("/preprocess", content=content, headers=PNG).json() if raw else posted(server, content)
    assert answer == {"fit": "strict", "pixels": IMAGES[1, ..., 0].tolist(), "steps": [], "warnings": []}


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", NOISE[:400], png(np.zeros((28, 27), np.uint8)), encoded(Image.new("1", (10_000, 10_000)), "PNG")],
    ids=["empty", "text", "truncated", "27x28", "10,000x10,000"],
)
@pytest.mark.parametrize("fit", ["strict", "garment"])
def test_a_bad_image_is_refused_as_by_predict(server: Server, content: bytes, fit: Fit) -> None:
    predicted, refused = (server.http.post(f"{path}?fit={fit}", files={"file": content}) for path in ("/predict", "/preprocess"))
    assert refused.status_code == predicted.status_code
    if predicted.is_error:
        assert {**refused.json(), "request_id": ""} == {**predicted.json(), "request_id": ""}


def test_only_the_fit_can_be_asked_for(server: Server) -> None:
    rejected(server.http.post("/preprocess?model=cnn", files={"file": GOOD}), 422, "'model' is unknown", "choose from fit")
    rejected(server.http.post("/preprocess?fit=loose", files={"file": GOOD}), 422, "'strict' or 'garment'", "'loose'")
    rejected(server.http.post("/preprocess", content=GOOD), 415, "missing", "multipart/form-data")
    rejected(server.http.post("/preprocess", files=[("file", GOOD), ("file", GOOD)]), 422, "2 files")


def test_it_waits_in_the_bounded_queue_of_photos_and_batches() -> None:
    classifier = Classifier(Settings(photo_threads=1, photo_queue=1))

    def work(number: int) -> Awaitable[object]:
        return classifier.preprocess(GOOD, "strict") if number % 2 else classifier.decode(GOOD, "garment")

    for _ in range(3):  # each round finds an empty queue
        assert anyio.run(outcomes, work, 6) == ["answered", "answered", "refused", "refused", "refused", "refused"]

"""Every image gets the API's answer, wherever it comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from tests import data
from tests.app.cli.command import run
from tests.app.folders import NEWEST, damage, paper_models, publish
from tests.conftest import MODELS, encoded, png
from tests.server import Server

BOOT = data.BOOT.read_bytes()
How = tuple[str, ...]


def photo() -> bytes:
    """A test image as a camera would have it: large, dark on white, in colour."""
    grey = ImageOps.invert(Image.open(data.BOOT)).resize((300, 300))
    return encoded(ImageOps.expand(grey, 40, 255).convert("RGB"), "JPEG", quality=95)


def alike(line: dict[str, Any], answer: dict[str, Any]) -> None:
    """The line is the API's answer; engines and batches may differ in the last digits."""
    line = {name: value for name, value in line.items() if name != "file"}
    for inexact in ("probabilities", "confidence"):
        assert line.pop(inexact) == pytest.approx(answer[inexact], abs=1e-6)
    assert line == {name: value for name, value in answer.items() if name not in ("probabilities", "confidence")}


@pytest.mark.parametrize("query", [{}, {"model": "ann", "version": 1}, {"model": "resnet"}])
def test_one_image_is_answered_as_by_the_api(server: Server, how: How, query: dict[str, object]) -> None:
    done = run("predict", data.BOOT, *how, *(each for name, value in query.items() for each in (f"--{name}", value)))
    [line] = done.lines
    assert next(iter(line.items())) == ("file", str(data.BOOT))
    assert line["label"] == "Ankle boot"
    alike(line, server.http.post("/predict", params=query, files={"file": BOOT}).json())  # type: ignore[arg-type]
    assert (done.status, done.err) == (0, "")


def test_standard_input(server: Server, how: How) -> None:
    done = run("predict", "-", *how, stdin=BOOT)
    [line] = done.lines
    assert line["file"] == "-"
    alike(line, server.http.post("/predict", files={"file": BOOT}).json())
    assert (done.status, done.err) == (0, "")


def test_a_photo_needs_to_be_fitted(server: Server, how: How, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo())
    refused = run("predict", path, *how)
    assert refused.status == 1
    assert refused.lines[0]["status"] == 422
    assert "380x380" in refused.lines[0]["detail"]
    fitted = run("predict", path, "--fit", "garment", *how)
    assert fitted.status == 0
    alike(fitted.lines[0], server.http.post("/predict?fit=garment", files={"file": photo()}).json())


def test_a_folder_of_all_sorts(how: How, tmp_path: Path) -> None:
    folder = tmp_path / "all sorts"
    for name, content in {
        "b.png": BOOT,
        "a.BMP": encoded(Image.open(data.BOOT), "BMP"),
        "broken.jpeg": b"\xff\xd8\xff no more",
        "empty.webp": b"",
        "notes.txt": b"a shoe",
        ".hidden.png": BOOT,
        "sub/c.png": BOOT,
        "sub/.hidden/d.png": BOOT,
        "elsewhere/e.png": BOOT,
    }.items():
        path = (tmp_path if name.startswith("elsewhere") else folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (folder / "link").symlink_to(tmp_path / "elsewhere")
    (folder / "linked.png").symlink_to(tmp_path / "elsewhere" / "e.png")
    os.mkfifo(folder / "pipe.png")
    done = run("predict", folder, *how)
    assert [Path(line["file"]).relative_to(folder).as_posix() for line in done.lines] == [
        "a.BMP", "b.png", "broken.jpeg", "empty.webp", "linked.png", "sub/c.png",
    ]  # fmt: skip
    assert [line.get("status") for line in done.lines] == [None, None, 422, 422, None, None]
    assert {line["label"] for line in done.lines if "label" in line} == {"Ankle boot"}
    assert "is empty" in done.lines[3]["detail"]
    assert ("request_id" in done.lines[3]) is ("--url" in how)
    assert done.status == 1
    assert done.err.splitlines() == ["other files, left alone: 2", "images that could not be used: 2 of 6"]


def test_what_is_named_itself_is_an_image_whatever_its_name_and_the_order_is_kept(how: How, tmp_path: Path, many: Path) -> None:
    odd = tmp_path / "[red]:shoe: \x1b[1m.dat"
    odd.write_bytes(BOOT)
    text = tmp_path / "notes.txt"
    text.write_text("a shoe")
    done = run("predict", text, many / "001.png", odd, "-", *how, stdin=(many / "002.png").read_bytes())
    assert [line["file"] for line in done.lines] == [str(text), str(many / "001.png"), str(odd), "-"]
    assert [line.get("label") for line in done.lines] == [None, "Pullover", "Ankle boot", "Trouser"]
    assert (done.lines[0]["status"], done.lines[0]["title"]) == (415, "Unsupported image type")


def test_a_name_that_is_no_text(how: How, tmp_path: Path) -> None:
    name = os.fsdecode(bytes(tmp_path) + b"/\xff.png")
    Path(name).write_bytes(BOOT)
    assert [line["file"] for line in run("predict", tmp_path, *how).lines] == [name]
    assert r"\udcff.png" in run("predict", tmp_path, tmp_path, "--table", *how).out


def test_a_file_that_is_larger_than_a_request_may_be_fails_alone(how: How, tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(BOOT + bytes(5000))
    done = run("predict", large, data.BOOT, *how, WARDROBE_MAX_BODY_BYTES="5000")
    assert [line.get("status") for line in done.lines] == [413, None]
    assert "5,000 bytes" in done.lines[0]["detail"]
    assert done.status == 1


def test_every_image_is_right(many: Path) -> None:
    """All real ones, against their labels: the share that the report promises."""
    _, labels = data.load()
    done = run("predict", many)
    right = [line["index"] == labels[number % len(labels)] for number, line in enumerate(done.lines)]
    assert len(right) == 310
    assert sum(right) / len(right) > 0.9


def test_a_damaged_version_is_not_read_and_the_one_before_answers_with_a_warning(tmp_path: Path) -> None:
    models = paper_models(tmp_path / "models")
    damage(publish(models / "cnn" / "1", models, "cnn", 2))
    done = run("predict", data.BOOT, "--models-dir", models)
    assert (done.status, done.lines[0]["version"]) == (0, 1)
    [warning] = done.err.splitlines()
    assert warning.startswith("warning: a version is not served (model cnn, version 2, reason variables/")
    refused = run("predict", data.BOOT, "--models-dir", models, "--version", 2)
    assert (refused.status, refused.out) == (3, "")
    assert "error: Version 2 of the model cnn is not available" in refused.err


def test_the_settings_of_the_service_hold(tmp_path: Path) -> None:
    models = paper_models(tmp_path / "models")
    assert run("predict", data.BOOT, WARDROBE_MODELS_DIR=str(models)).lines[0]["version"] == 1
    assert run("predict", data.BOOT, WARDROBE_DEFAULT_MODEL="ann").lines[0]["model"] == "ann"
    assert run("predict", data.BOOT, "--models-dir", MODELS, WARDROBE_MODELS_DIR=str(models)).lines[0]["version"] == NEWEST["cnn"]
    assert run("predict", data.BOOT, WARDROBE_MAX_PIXELS="784").status == 0
    large = tmp_path / "large.png"
    large.write_bytes(png(data.load()[0][0, ..., 0].repeat(2, axis=0)))
    assert "more than 784 pixels" in run("predict", large, "--fit", "garment", WARDROBE_MAX_PIXELS="784").lines[0]["detail"]

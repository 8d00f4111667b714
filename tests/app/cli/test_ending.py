"""Every exit status, and the sentence that comes with it."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from app import VERSION
from app.cli import main
from tests import data
from tests.app.cli.command import COMMAND, ENVIRONMENT, run
from tests.app.folders import NEWEST
from tests.server import ROOT


def test_the_installed_command_is_this_one() -> None:
    [entry] = entry_points(group="console_scripts", name="wardrobe")
    assert entry.load() is main


def test_version_and_help() -> None:
    assert run("--version").out == f"wardrobe {VERSION}\n"
    overview = run("--help")
    assert (overview.status, overview.err) == (0, "")
    assert all(command in overview.out for command in ("predict", "models", "metrics"))
    for command in ("predict", "models", "metrics"):
        shown = run(command, "-h", TERMINAL_WIDTH="200").out
        assert "0 all done; 1 an image could not be used; 2 wrong usage; 3 the service or the model is not available" in shown
        assert "[default: (WARDROBE_MODELS_DIR, or models)]" in shown
    assert "wardrobe predict photo.jpg --fit garment" in run("predict", "-h").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict"], "Missing argument"),
        (["classify", "x.png"], "No such command 'classify'"),
        (["predict", "x.png", "--fit", "loose"], "'strict', 'garment'"),
        (["predict", "x.png", "--version", "0"], "greater than or equal to 1"),
        (["predict", data.BOOT, "nowhere.png", "--json"], "error: There is no file or folder 'nowhere.png'."),
        (["predict", "x" * 5000], f"error: There is no file or folder '{'x' * 5000}'."),
        (["predict", "-", data.BOOT, "-"], "error: Standard input, -, is named more than once"),
        (
            ["predict", data.BOOT, "--url", "localhost:8000"],
            "error: 'localhost:8000' is no address of a service: it must look like http://",
        ),
        (["predict", data.BOOT, "--url", "http://"], "error: 'http://' is no address"),
        (["models", "--url", "http://127.0.0.1:x"], "error: 'http://127.0.0.1:x' is no address"),
        (["metrics", "--url", "http://127.0.0.1:1", "--models-dir", "models"], "leave one of them out"),
    ],
)
def test_wrong_usage(arguments: list[object], sentence: str) -> None:
    done = run(*arguments, TERMINAL_WIDTH="200")
    assert (done.status, done.out) == (2, "")
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_folder_without_an_image(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("a shoe")
    done = run("predict", tmp_path)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"error: There is no image in '{tmp_path}': ")
    assert ".png, .jpg, .jpeg, .webp, .bmp are taken, and 1 others were found" in done.err


def test_a_wrong_setting() -> None:
    done = run("models", WARDROBE_MAX_PIXELS="many")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("error: WARDROBE_MAX_PIXELS is 'many': ")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", data.BOOT, "--model", "vgg"], f"error: There is no model 'vgg': choose one of {', '.join(NEWEST)}.\n"),
        (["metrics", "--model", "vgg"], f"error: There is no model 'vgg': choose one of {', '.join(NEWEST)}.\n"),
        (["predict", data.BOOT, "--model", "ann", "--version", 99], "error: The model ann has no version 99: choose one of 2, 1.\n"),
    ],
)
def test_a_model_that_does_not_exist(how: tuple[str, ...], arguments: list[object], sentence: str) -> None:
    done = run(*arguments, *how)
    assert (done.status, done.out, done.err) == (3, "", sentence)


@pytest.mark.parametrize("command", [["predict", data.BOOT], ["models"], ["metrics"]])
def test_no_folder_of_models(tmp_path: Path, command: list[object]) -> None:
    done = run(*command, cwd=tmp_path)
    assert (done.status, done.out) == (3, "")
    assert done.err == (
        "error: There is no folder of models 'models': name it by --models-dir or WARDROBE_MODELS_DIR, "
        "or a service that has models by --url.\n"
    )


@pytest.mark.parametrize("command", [["predict"], ["models"]])
def test_a_reader_that_goes_away_ends_it_quietly(many: Path, command: list[str]) -> None:
    paths = [str(many)] * 4 if command == ["predict"] else []
    process = subprocess.Popen([*COMMAND, *command, *paths], cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout
    assert process.stderr
    if paths:
        assert process.stdout.readline().startswith(b'{"file": ')
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(timeout=60) == 141


@pytest.mark.parametrize("how", [[], ["--table"]])
@pytest.mark.parametrize("command", [["predict", str(data.BOOT)], ["models"], ["metrics"]])
def test_a_full_disk(command: list[str], how: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, *command, *how], cwd=ROOT, env=ENVIRONMENT, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (4, "error: The output can't be written: No space left on device.\n")


def test_the_extra_that_is_not_installed_is_named() -> None:
    code = "import sys; sys.modules['typer'] = None; from app.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: typer is not installed in this environment: `make serve` installs it, from requirements/cli.lock\n"

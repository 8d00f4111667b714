"""What a person sees on a terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from tests import data
from tests.app.cli.command import run, run_on_terminal
from tests.conftest import png


def plain(text: str) -> str:
    """Without colours and the moves of the cursor; what is written over what was there has a line of its own."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text).replace("\r", "\n")


def test_one_image_has_a_bar_for_each_class() -> None:
    done = run_on_terminal("predict", data.BOOT)
    shown = plain(done.out).splitlines()
    assert shown[0] == f"{data.BOOT}: Ankle boot, says cnn 2"
    assert len(shown) == 11
    assert re.fullmatch(r"  Ankle boot   █{31}.  99\.\d %", shown[1])
    assert re.fullmatch(r"  \S+( boot)? +0\.0 %", shown[10])
    assert "\x1b[32" in done.out
    assert done.status == 0


def test_many_images_have_a_table_and_a_bar_that_goes(many: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    done = run_on_terminal("predict", many, broken)
    shown = plain(done.out)
    assert re.search(r"^file +label +confidence  second guess$", shown, re.MULTILINE)
    assert shown.count("second guess") == 1
    rows = re.findall(r"(\d{3})\.png +(\S+(?: boot)?) +(\d+\.\d) %  \S.* \d+\.\d %$", shown, re.MULTILINE)
    assert [row[0] for row in rows] == [f"{number:03}" for number in range(310)]
    assert rows[0][1] == "Ankle boot"
    assert "  A near tie: Shirt (0.45) and Coat (0.43) are almost equally probable." in shown
    assert "  The upload is not a PNG, JPEG, WebP or BMP image" in shown
    assert re.search(r"classified .* \d+/311", shown)
    assert done.out.rstrip().splitlines()[-1].endswith("images that could not be used: 1 of 311")
    assert done.out.count("\x1b[?25h") == 1, "the cursor is gone"
    assert done.status == 1


def test_few_images_have_no_bar(many: Path) -> None:
    assert "classified" not in run_on_terminal("predict", many / "000.png", many / "001.png").out


def test_the_bar_is_on_standard_error_and_the_lines_are_clean(many: Path) -> None:
    done = run_on_terminal("predict", many, out_too=False)
    assert [json.loads(line)["file"] for line in done.out.splitlines()] == [str(many / f"{number:03}.png") for number in range(310)]
    assert re.search(r"classified .* \d+/310", plain(done.err))
    assert done.status == 0


def test_json_on_a_terminal_and_a_table_in_a_pipe(many: Path) -> None:
    assert json.loads(run_on_terminal("predict", data.BOOT, "--json", columns=40).out.replace("\r", ""))["label"] == "Ankle boot"
    assert run("predict", data.BOOT, "--table").out.startswith(f"{data.BOOT}: Ankle boot, says cnn 2\n")
    assert run("predict", data.BOOT, FORCE_COLOR="1").lines[0]["label"] == "Ankle boot"


def test_a_narrow_terminal_shows_how_a_path_ends(many: Path) -> None:
    shown = plain(run_on_terminal("predict", many / "000.png", many / "001.png", columns=60).out).splitlines()
    assert re.fullmatch(r"…\S*/000\.png  Ankle boot +\d+\.\d %  \S.*", shown[1])
    assert all(len(line) <= 60 for line in shown)


def test_a_name_can_not_steer_the_terminal(tmp_path: Path) -> None:
    for name in ("[red]:shoe:\x1b[2J.png", "b.png"):
        (tmp_path / name).write_bytes(data.BOOT.read_bytes())
    assert r"[red]:shoe:\x1b[2J.png" in run_on_terminal("predict", tmp_path, columns=200).out
    assert r"[red]:shoe:\x1b[2J.png" in run_on_terminal("predict", tmp_path / "[red]:shoe:\x1b[2J.png", columns=200).out


def test_the_remarks_of_one_image_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    blank.write_bytes(png(np.zeros((28, 28), np.uint8)))
    lines = run("predict", blank).lines[0]["warnings"]
    shown = plain(run_on_terminal("predict", blank, columns=200).out)
    assert lines
    assert all(f"\n  {warning}" in shown for warning in lines)
    blank.write_bytes(b"")
    done = run_on_terminal("predict", blank, columns=200)
    assert f"{blank}: The upload is empty" in plain(done.out)
    assert done.status == 1

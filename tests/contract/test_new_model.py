"""A third party's model: one function, one recipe, one command, as the README says; then it serves and stands in every comparison."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import data
from tests.app.folders import NEWEST
from tests.contract.test_readme import section
from tests.server import ROOT, Server

TRIAL = ["--limit", "600", "--epochs", "2"]


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The README's three steps on a copy of the training code and of the committed models, cut short, and a server on the result."""
    code = tmp_path_factory.mktemp("code")
    shutil.copytree(ROOT / "training", code / "training", ignore=shutil.ignore_patterns("__pycache__"))
    models = Path(shutil.copytree(ROOT / "models", code / "models", ignore=shutil.ignore_patterns(".training")))
    guide = section("Train").partition("### Add a model")[2]
    blocks = [textwrap.dedent(block) for block in re.findall(r"```\w+\n(.*?)```", guide, re.DOTALL)]
    function, recipe, command = blocks
    architectures, recipes = code / "training" / "architectures.py", code / "training" / "recipes.py"
    architectures.write_text(f"{architectures.read_text()}\n\n{function}")
    before, opening, after = recipes.read_text().partition('\n}\n"""The best we know')
    assert opening
    recipes.write_text(f"{before}\n    {recipe}{opening}{after}")
    program, *arguments = command.split()
    assert program == ".venv/bin/python"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("COV")}  # of a copy, not of the code
    done = subprocess.run([sys.executable, *arguments, *TRIAL], check=False, cwd=code, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    with Server(models_dir=str(models)) as server:
        yield server


def test_it_answers(extended: Server) -> None:
    answer = extended.http.post("/predict?model=tiny", files={"file": data.BOOT.read_bytes()})
    assert answer.status_code == 200
    assert (answer.json()["model"], answer.json()["version"]) == ("tiny", 1)
    assert set(extended.http.post("/compare", files={"file": data.BOOT.read_bytes()}).json()["models"]) == {"tiny", *NEWEST}


def test_it_is_in_every_comparison(extended: Server) -> None:
    metrics = extended.http.get("/metrics").json()
    assert metrics["models"].keys() == metrics["comparison"]["models"].keys() == {"tiny", *NEWEST}
    assert metrics["comparison"]["models"]["tiny"]["test"]["accuracy"] == metrics["models"]["tiny"]["test"]["accuracy"]
    assert metrics["models"]["tiny"]["test"]["intervals"]["accuracy"]
    pairs = [{test["one"]["name"], test["other"]["name"]} for test in metrics["comparison"]["tests"]]
    for name in NEWEST:
        assert {"tiny", name} in pairs
    assert "TINY" in extended.http.get("/comparison").text
    assert "TINY" in extended.http.get("/models/tiny/versions/1/report").text

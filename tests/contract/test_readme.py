"""The README is true."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.settings import Settings
from tests.server import ROOT, Server

README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def test_every_setting_is_listed_with_its_default_and_description() -> None:
    rows = section("Settings")
    for name, field in Settings.model_fields.items():
        default = json.dumps(field.default) if isinstance(field.default, (tuple, int)) else str(field.default)
        assert f"| `WARDROBE_{name.upper()}` | `{default}` | {field.description} |" in rows
    listed = re.findall(r"^\| `WARDROBE_(\w+)` \|", rows, re.MULTILINE)
    assert listed == [name.upper() for name in Settings.model_fields]


def test_every_file_is_listed_with_its_purpose() -> None:
    tree = section("Files")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    listed = [line.split()[0] for line in tree.splitlines() if line.strip() and "```" not in line]
    assert len(listed) == len(set(listed))
    for name in tracked:
        if Path(name).name not in ("__init__.py", ".gitignore"):
            assert any(name == each or (each.endswith("/") and name.startswith(each)) for each in listed), name
    for each in listed:
        assert any(name.startswith(each) for name in tracked), each


@pytest.mark.parametrize("name", ["ann", "cnn"])
def test_the_results_are_the_reports(name: str) -> None:
    report = json.loads((ROOT / "models" / name / "1" / "report.json").read_text())
    test = report["test"]
    row = f"| {name.upper()} | {report['parameters']:,} | {test['accuracy']:.4f} | {test['loss']:.4f} | {test['macro_avg']['f1']:.4f} |"
    assert row in section("Results")


def test_the_python_example_runs() -> None:
    [example] = re.findall(r"```python\n(.*?)```", section("Use it"), re.DOTALL)
    with Server(models_dir=str(ROOT / "models")) as server:
        address = str(server.http.base_url).rstrip("/")
        done = subprocess.run(
            [sys.executable, "-c", example.replace("http://127.0.0.1:8000", address)], cwd=ROOT, capture_output=True, text=True, check=True
        )
    assert done.stdout.startswith("Ankle boot")


def test_the_curl_example_runs() -> None:
    [example] = re.findall(r"```sh\n(curl .*?)```", section("Use it"), re.DOTALL)
    with Server(models_dir=str(ROOT / "models")) as server:
        address = str(server.http.base_url).rstrip("/")
        done = subprocess.run(
            ["bash", "-ec", example.replace("http://127.0.0.1:8000", address)], cwd=ROOT, capture_output=True, text=True, check=True
        )
    assert '"label":"Ankle boot"' in done.stdout

"""The README is true."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from app.settings import Settings
from benchmarks import scoring
from benchmarks.serving.table import in_bulk, table
from tests.app.folders import read, versions
from tests.conftest import MODELS
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


def test_the_results_are_the_reports() -> None:
    rows = []
    for name, published in versions(MODELS).items():
        for version in sorted(published):
            report = read(MODELS / name / str(version) / "report.json")
            test, calibration = report["test"], report["calibration"]
            accuracy, loss, f1 = (f"{value:.4f}" for value in (test["accuracy"], test["loss"], test["macro_avg"]["f1"]))
            low, high = (f"{test['intervals']['accuracy'][end]:.4f}" for end in ("low", "high"))
            ece = calibration["after" if calibration["in_graph"] else "before"]["ece"]
            paper = f"{report['paper']['test']['accuracy']:.4f}" if report["paper"] else "\N{EN DASH}"
            model = f"{name.upper()} {version} | {report['parameters']:,}"
            rows.append(f"| {model} | {accuracy} | {low} to {high} | {loss} | {f1} | {100 * ece:.2f} % | {paper} |")
    listed = [line for line in section("Results").splitlines() if re.match(r"\| [A-Z]+ \d+ \|", line)]
    assert sorted(listed) == sorted(rows)


def test_the_seeds_are_the_studys() -> None:
    rows = []
    for name, kinds in read(MODELS / "comparison.json")["study"].items():
        for kind, spread in kinds.items():
            accuracy = spread["accuracy"]
            deviation = "\N{EN DASH}" if accuracy["standard_deviation"] is None else f"{accuracy['standard_deviation']:.4f}"
            lowest, highest = (f"{of(accuracy['values']):.4f}" for of in (min, max))
            paper = f"{accuracy['paper']['value']:.4f}" if "paper" in accuracy else "\N{EN DASH}"
            model = f"{name.upper()}, the {kind}{chr(39) + 's' if kind == 'paper' else ''} recipe | {len(spread['seeds'])}"
            rows.append(f"| {model} | {accuracy['mean']:.4f} | {deviation} | {lowest} to {highest} | {paper} |")
    listed = [line for line in section("Results").splitlines() if " recipe |" in line]
    assert sorted(listed) == sorted(rows)


def test_the_speed_is_the_benchmarks() -> None:
    results = read(ROOT / "benchmarks" / "results.json")
    assert table(results) in section("Speed")
    assert in_bulk(results) in section("Speed")


def test_the_speed_of_scoring_is_the_benchmarks() -> None:
    found = read(ROOT / "benchmarks" / "scoring.json")
    assert scoring.speed_table(found) in section("Score a large set of images")
    assert scoring.memory_table(found) in section("Score a large set of images")
    assert scoring.spread_table(found) in section("Score a large set of images")


def test_the_command_lines_of_scoring_are_understood() -> None:
    command = r"^(?:\.venv|build/ray)/bin/python -m training (score [^#\n]*)"
    examples = re.findall(command, section("Score a large set of images"), re.MULTILINE)
    assert len(examples) == 4
    for example in examples:
        done = subprocess.run([sys.executable, "-m", "training", *example.split(), "--help"], cwd=ROOT, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), example


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


def test_the_command_lines_are_understood() -> None:
    examples = re.findall(r"^(?:curl .* \| )?wardrobe ([^#>\n]*)", section("Command line"), re.MULTILINE)
    assert len(examples) == 7
    for example in examples:
        # what the options are is read before help is shown, and nothing is done after it
        done = subprocess.run([sys.executable, "-m", "app.cli", *example.split(), "--help"], cwd=ROOT, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), example

"""`python -m training`: what a person, a script and a container see of it, from a trial run to every wrong request."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from tests.app.folders import NEWEST, seal
from tests.training.conftest import AGAIN, ENVIRONMENT, LONGEST, REPOSITORY, TRAINING, Trial
from training.__main__ import main
from training.data import CONTENT_MD5, LABELS, Dataset, locate
from training.evaluate import Evaluation
from training.pages.plots import PLOTS
from training.recipes import RECIPES
from training.summary import of_run

ARTEFACT = {
    "saved_model.pb",
    "model.tflite",
    "card.json",
    "report.json",
    "report.html",
    "golden.json",
    "manifest.json",
    "variables/variables.index",
}

NAMES = f"{', '.join(RECIPES)}, or all"
TEACHERS = {recipe.teacher for recipe in RECIPES.values()}


@dataclass(frozen=True)
class Outcome:
    """What one command gave back."""

    status: int
    output: str
    errors: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """The command, in this process."""

    def command(*arguments: object) -> Outcome:
        capfd.readouterr()
        try:
            status = main(list(map(str, arguments)))
        except SystemExit as stopped:  # how argparse refuses
            status = int(stopped.code or 0)
        said = capfd.readouterr()
        return Outcome(status, said.out, said.err)

    return command


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def state(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Everything below a folder with what would change if it were written, or written again."""
    found = {path.relative_to(folder).as_posix(): path.stat() for path in [folder, *folder.rglob("*")]}
    return {name: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in found.items()}


def read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def assert_verified(folder: Path) -> None:
    sums = read(folder / "manifest.json")["sha256"]
    files = contents(folder)
    del files["manifest.json"]
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}


def altered(folder: Path, accuracy: float) -> None:
    """Change the report and, as one who wants it believed would, the manifest."""
    report, manifest = read(folder / "report.json"), read(folder / "manifest.json")
    report["test"]["accuracy"] = accuracy
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    manifest["sha256"]["report.json"] = hashlib.sha256((folder / "report.json").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


# A trial run


def test_a_trial_run_publishes_all_models_completely(trial: Trial) -> None:
    assert {path.name for path in trial.models.iterdir()} == {
        *RECIPES,
        "comparison.json",
        "comparison.html",
        "mistakes.json",
        "mistakes.png",
    }
    for name in RECIPES:
        answers = [".training"] if name in TEACHERS else []
        assert sorted(os.listdir(trial.models / name)) == [*answers, "1"]  # noqa: PTH208  # hidden ones too
        files = contents(trial.models / name / "1").keys()
        assert files >= ARTEFACT | {f"plots/{plot}" for plot in PLOTS}
        assert not any(Path(file).name.startswith(".") for file in files)
        assert_verified(trial.models / name / "1")


def test_a_trial_run_reports_each_epoch_and_ends_with_a_summary(trial: Trial) -> None:
    for name, parameters in (("ann", "227,018"), ("cnn", "69,834"), ("resnet", "464,810")):
        folder = trial.models / name / "1"
        history = read(folder / "card.json")["history"]
        for epoch in (0, 1):
            figures = "  ".join(f"{figure} {history[figure][epoch]:.4f}" for figure in ("loss", "accuracy", "val_loss", "val_accuracy"))
            assert f"{name}: epoch {epoch + 1}/2  {figures}\n" in trial.output
        report = read(folder / "report.json")
        summary = re.sub(r"[│\s]+", " ", trial.output[trial.output.index(f"{name} version 1") :])
        assert f" parameters {parameters} epochs 2 run, best {report['best_epoch']}, " in summary
        assert f" training images 1,500: accuracy {report['train']['accuracy']:.4f}, loss {report['train']['loss']:.4f} " in summary
        assert f" test images 10,000: accuracy {report['test']['accuracy']:.4f}, loss {report['test']['loss']:.4f} " in summary
        assert f" correct, incorrect {report['test']['correct']:,}, {report['test']['incorrect']:,} " in summary
        for label in LABELS:
            row = report["test"]["per_class"][label]
            assert f" {label} precision {row['precision']:.2f} recall {row['recall']:.2f} F1 {row['f1']:.2f} " in summary
        assert f"{folder}/report.html" in re.sub(r"[│\s]+", "", trial.output)
    assert re.sub(r"\s+", " ", trial.output).endswith(read(trial.models / "comparison.json")["summary"] + " ")
    assert "Traceback" not in trial.errors
    assert "\x1b" not in trial.output


def test_on_a_terminal_a_bar_moves(trials: tuple[Trial, Trial]) -> None:
    shown = trials[1]
    assert shown.status == 0
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.output)
    assert re.search(AGAIN + r": epoch ━+ 2/2 val_loss \d\.\d{4}", plain), plain
    assert "\x1b[" in shown.output
    assert f"{AGAIN}: epoch 1/2" not in shown.output  # the lines are for where nothing can move
    assert "Traceback" not in shown.output


def test_two_runs_publish_the_same_but_for_time(trials: tuple[Trial, Trial]) -> None:
    one, other = (contents(trial.models / AGAIN / "1") for trial in trials)
    assert {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)} <= {
        "card.json",
        "manifest.json",
        "saved_model.pb",
        "fingerprint.pb",
        "report.html",
    }


def test_another_run_publishes_the_next_version_and_compares_it(run: Run, models: Path) -> None:
    first = contents(models / "ann" / "1")
    outcome = run("train", "ann", "--limit", 300, "--epochs", 1, "--seed", 5, "--output", models)
    assert outcome.status == 0
    assert "ann version 2" in outcome.output
    assert contents(models / "ann" / "1") == first
    assert_verified(models / "ann" / "2")
    card = read(models / "ann" / "2" / "card.json")
    assert (card["version"], card["seed"], card["recipe"]["epochs"], card["recipe"]["train_images"]) == (2, 5, 1, 300)
    comparison = read(models / "comparison.json")
    assert {name: row["version"] for name, row in comparison["models"].items()} == {**dict.fromkeys(RECIPES, 1), "ann": 2}
    assert re.sub(r"\s+", " ", outcome.output).endswith(comparison["summary"] + " ")


# Evaluation


def test_evaluating_again_gives_the_same_figures_and_keeps_the_graph(run: Run, models: Path) -> None:
    before = contents(models)
    outcome = run("evaluate", "cnn", "--output", models)
    assert outcome.status == 0
    assert outcome.output.endswith("cnn: every figure equals the published report's\n")
    assert os.listdir(models / "cnn") == ["1"]  # noqa: PTH208
    assert_verified(models / "cnn" / "1")
    after = contents(models)
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == set()


def test_evaluating_gives_a_version_its_conversion_where_it_has_none(run: Run, models: Path) -> None:
    version = models / "cnn" / "1"
    converted = (version / "model.tflite").read_bytes()
    (version / "model.tflite").unlink()
    seal(version)
    assert run("evaluate", "cnn", "--output", models).status == 0
    assert (version / "model.tflite").read_bytes() == converted
    assert_verified(version)


def test_a_check_of_what_was_published_writes_nothing(run: Run, models: Path) -> None:
    before = state(models)
    outcome = run("evaluate", "cnn", "--version", 1, "--check", "--output", models)
    assert outcome.status == 0
    assert outcome.output.endswith("cnn: every figure equals the published report's\n")
    assert state(models) == before


def test_a_check_finds_a_report_that_was_improved_and_a_new_evaluation_mends_it(run: Run, models: Path) -> None:
    folder = models / "ann" / "1"
    honest = read(folder / "report.json")
    altered(folder, honest["test"]["accuracy"] + 0.0001)
    before = state(models)
    outcome = run("evaluate", "ann", "--check", "--output", models)
    assert outcome.status == 1
    assert outcome.output.endswith("ann: differs from the published report in test\n")
    assert state(models) == before
    outcome = run("evaluate", "ann", "--output", models)
    assert outcome.status == 0
    assert outcome.output.endswith("ann: differs from the published report in test\n")
    assert read(folder / "report.json") == honest
    assert_verified(folder)


def test_the_last_digit_may_round_either_way(run: Run, models: Path) -> None:
    folder = models / "ann" / "1"
    altered(folder, read(folder / "report.json")["test"]["accuracy"] + 0.000001)
    assert run("evaluate", "ann", "--check", "--output", models).status == 0


def test_a_replacement_that_was_killed_is_found_again(run: Run, models: Path) -> None:
    (models / "cnn" / "1").rename(models / "cnn" / ".1.retired")
    assert run("evaluate", "cnn", "--check", "--output", models).status == 0
    assert_verified(models / "cnn" / "1")


def test_the_comparison_is_printed_as_it_is_written(run: Run, models: Path) -> None:
    before = contents(models)
    outcome = run("compare", "--data", locate(), "--output", models)
    assert outcome.status == 0
    assert re.sub(r"\s+", " ", outcome.output).strip() == json.loads(before["comparison.json"])["summary"]
    assert contents(models) == before


# Requests that can't be met


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ("", "required: COMMAND"),
        ("rate", "invalid choice: 'rate'"),
        ("study rnn --output {}", "there is no model named 'rnn': choose one of ann, cnn, or all"),
        ("study resnet --output {}", "there is no model named 'resnet': choose one of ann, cnn, or all"),
        ("study ann --seeds 0 --output {}", "'0' is not a whole number from 1 up"),
        ("ablation rnn --output {}", f"there is no model named 'rnn': choose one of {NAMES}"),
        ("train ann --recipe my --output {}", "invalid choice: 'my'"),
        ("train", "required: MODEL"),
        ("train rnn --output {}", f"there is no model named 'rnn': choose one of {NAMES}"),
        ("train ../cnn --output {}", f"there is no model named '../cnn': choose one of {NAMES}"),
        ("evaluate rnn --output {}", f"there is no model named 'rnn': choose one of {NAMES}"),
        ("train ann --limit 100", f"models/ann holds a fully trained version ({NEWEST['ann']}), and a trial"),
        ("train cnn --epochs 2", f"models/cnn holds a fully trained version ({NEWEST['cnn']}), and a trial"),
        ("train ann --output a[b]", "'a[b]' has a character that TensorFlow takes for a pattern"),
        ("train ann --limit 1 --output {}", "needs 2 images or more"),
        ("train ann --limit 0 --output {}", "'0' is not a whole number from 1 up"),
        ("train ann --epochs 0 --output {}", "'0' is not a whole number from 1 up"),
        ("train ann --epochs ten --output {}", "'ten' is not a whole number from 1 up"),
        ("train ann --epochs 1.5 --output {}", "'1.5' is not a whole number from 1 up"),
        ("train ann --seed 4294967296 --output {}", "'4294967296' is not a whole number from 0 to 4294967295"),
        ("train ann --seed=-1 --output {}", "'-1' is not a whole number from 0 to 4294967295"),
        ("evaluate cnn --version latest --output {}", "'latest' is not a whole number from 1 up"),
        ("evaluate cnn --output {}", "cnn has no published version: train it first with `python -m training train cnn`"),
    ],
)
def test_a_wrong_request_is_answered_with_what_would_be_right(run: Run, tmp_path: Path, arguments: str, answer: str) -> None:
    outcome = run(*(argument.format(tmp_path) for argument in arguments.split()))
    assert outcome.status == 2
    assert answer in outcome.errors
    assert outcome.output == ""
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_version_is_answered_with_those_there_are(run: Run, models: Path) -> None:
    outcome = run("evaluate", "cnn", "--version", 9, "--output", models)
    assert outcome.status == 2
    assert outcome.errors == f"error: {models / 'cnn'} has no published version 9: published there: 1\n"


def test_a_version_that_was_damaged_is_named(run: Run, models: Path) -> None:
    (models / "cnn" / "1" / "card.json").unlink()
    outcome = run("evaluate", "cnn", "--output", models)
    assert outcome.status == 1
    assert outcome.errors.startswith(f"error: {models / 'cnn' / '1'} is not what was published (card.json): restore the folder, or remove")


def test_a_comparison_of_nothing_is_answered(run: Run, tmp_path: Path) -> None:
    outcome = run("compare", "--output", tmp_path)
    assert outcome.status == 1
    assert outcome.errors.endswith(f"run `python -m training train all --output {tmp_path}` first\n")


@pytest.mark.parametrize("command", ["train ann", "compare"])
def test_missing_data_is_answered_before_anything_is_made(run: Run, tmp_path: Path, command: str) -> None:
    outcome = run(*command.split(), "--data", tmp_path / "nowhere", "--output", tmp_path / "models")
    assert outcome.status == 1
    assert outcome.errors.startswith(f"error: {tmp_path / 'nowhere'} has neither train-images-idx3-ubyte.gz nor ")
    assert "apt-get install dataset-fashion-mnist" in outcome.errors
    assert list(tmp_path.iterdir()) == []


def test_damaged_data_is_answered(run: Run, tmp_path: Path) -> None:
    for name in CONTENT_MD5:
        (tmp_path / f"{name}.gz").symlink_to(locate() / f"{name}.gz")
    damaged = tmp_path / "train-labels-idx1-ubyte.gz"
    damaged.unlink()
    damaged.write_bytes((locate() / damaged.name).read_bytes()[:-100])
    outcome = run("evaluate", "all", "--data", tmp_path, "--output", tmp_path)
    assert outcome.status == 1
    assert outcome.errors.startswith(f"error: {damaged} can't be read (")
    assert "replace the file" in outcome.errors


def test_an_output_that_is_a_file_is_answered(run: Run, tmp_path: Path) -> None:
    (tmp_path / "models").touch()
    outcome = run("train", "ann", "--recipe", "paper", "--output", tmp_path / "models", "--epochs", 1)
    assert outcome.status == 1
    assert outcome.errors.startswith(f"error: can't write to {tmp_path / 'models' / 'ann'} (")
    assert outcome.errors.endswith("or choose another folder with --output\n")


def test_a_folders_name_is_printed_as_it_is(trial: Trial, dataset: Dataset) -> None:
    """Square brackets are rich's markup, and a wrong one would be an error of its own."""
    published = trial.models / "cnn" / "1"
    labels, probabilities = dataset.test_labels.astype(np.int64), np.zeros((10_000, 10), np.float32)
    evaluation = Evaluation(
        read(published / "report.json"), read(published / "card.json"), dataset, labels, labels, probabilities, np.zeros(10_000)
    )
    said = io.StringIO()
    of_run(evaluation, Path("[bold]x[/y]"), Console(file=said, width=100))
    assert " [bold]x[/y]/report.html " in said.getvalue()


def test_an_error_is_one_line_without_a_traceback_in_a_process_of_its_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [*TRAINING, "train", "rnn", "--output", tmp_path],
        cwd=REPOSITORY,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: there is no model named 'rnn': choose one of {NAMES}\n"


# Stopping


def test_a_run_that_is_stopped_says_so_and_leaves_what_it_needs_to_continue(tmp_path: Path) -> None:
    """By Ctrl-C while it fits, and by SIGTERM behind the last epoch, where export, evaluation and report come."""
    runs = [(signal.SIGINT, 150, tmp_path / "fitting"), (signal.SIGTERM, 2, tmp_path / "publishing")]
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    # a shell's background job ignores SIGINT, and its children would: this one does not
                    [
                        "env",
                        "--default-signal=INT",
                        *TRAINING,
                        *f"train ann --recipe paper --limit 1000 --epochs {epochs} --output {models}".split(),
                    ],
                    cwd=REPOSITORY,
                    env=ENVIRONMENT,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for _, epochs, models in runs
        ]
        for process in processes:
            stack.callback(process.kill)
        for process, (number, epochs, models) in zip(processes, runs, strict=True):
            assert process.stdout
            assert any(f"epoch 2/{epochs}" in line for line in process.stdout)
            assert set(os.listdir(models / "ann")) == {".1.draft", ".training"}  # noqa: PTH208
            process.send_signal(number)
            _, errors = process.communicate(timeout=LONGEST)
            assert process.returncode == 128 + number
            assert "Traceback" not in errors
            assert errors.endswith("stopped: nothing was published; the same command continues after the last whole epoch\n")
            assert os.listdir(models / "ann") == [".training"]  # noqa: PTH208


# Help


def test_help_is_there_at_once_without_tensorflow() -> None:
    program = """
import sys
from training.__main__ import main
for command in ([], ["train"], ["evaluate"], ["study"], ["ablation"], ["compare"]):
    try:
        main([*command, "--help"])
    except SystemExit as stopped:
        assert stopped.code == 0
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    *helps, modules = done.stdout.splitlines()
    assert {"tensorflow", "keras", "matplotlib", "sklearn", "numpy"}.isdisjoint(modules.split())
    text = "\n".join(helps)
    for word in (
        "train",
        "evaluate",
        "study",
        "ablation",
        "compare",
        "--recipe",
        "--seeds",
        "--output",
        "--data",
        "--epochs",
        "--seed",
        "--limit",
        "--version",
        "--check",
    ):
        assert word in text
    assert NAMES in text

"""An epoch of the paper's CNN here against plain PyTorch: `python -m benchmarks.epoch --torch PYTHON`.

PYTHON is the interpreter of an environment that has PyTorch and NumPy. Both train on the same images with the same
batches, validate after each epoch, and take turns, each in a process of its own; the first epoch of each is not counted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Print each round's median and the median of the rounds' ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--torch", metavar="PYTHON", help="interpreter that has PyTorch")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=4, help="in each round, the first of them uncounted")
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ours:
        print(json.dumps(_ours(options.epochs)))
        return
    if not options.torch:
        parser.error("--torch PYTHON is needed: python -m venv build/torch; build/torch/bin/pip install torch numpy")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data.npz"
        _write(data)
        ours = [sys.executable, "-m", "benchmarks.epoch", "--ours", "--epochs", str(options.epochs)]
        torch = [options.torch, str(ROOT / "benchmarks" / "epoch_torch.py"), str(data), str(options.epochs)]
        ratios = []
        for number in range(options.rounds):
            keras_run, torch_run = _run(ours), _run(torch)
            if keras_run["parameters"] != torch_run["parameters"]:
                raise SystemExit(f"not the same network: {keras_run['parameters']} and {torch_run['parameters']} parameters")
            medians = [statistics.median(each["seconds"][1:]) for each in (keras_run, torch_run)]
            ratios.append(medians[0] / medians[1])
            print(
                f"round {number + 1}: here (TensorFlow {keras_run['version']}) {medians[0]:.2f} s, validation accuracy "
                f"{keras_run['val_accuracy']:.3f}; PyTorch {torch_run['version']} {medians[1]:.2f} s, {torch_run['val_accuracy']:.3f}; "
                f"ratio {ratios[-1]:.2f}",
                flush=True,
            )
    print(f"an epoch here takes {statistics.median(ratios):.2f} times PyTorch's (median of {options.rounds} rounds)")


def _write(data: Path) -> None:
    import numpy as np

    from training.data import load
    from training.recipes import PAPER_RECIPES

    dataset = load()
    images = (dataset.train_images.astype(np.float32) / 255).transpose(0, 3, 1, 2)
    labels = dataset.train_labels.astype(np.int64)
    cut = PAPER_RECIPES["cnn"].fitted(len(images)).stop
    np.savez(data, fitted_images=images[:cut], fitted_labels=labels[:cut], held_out_images=images[cut:], held_out_labels=labels[cut:])


def _ours(epochs: int) -> dict[str, Any]:
    """As `python -m training train cnn --recipe paper` does it, the checkpoint after each epoch included."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    from training.data import load
    from training.fit import fit
    from training.recipes import PAPER_RECIPES

    recipe = dataclasses.replace(PAPER_RECIPES["cnn"], epochs=epochs)
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(recipe, load(), [], Path(folder))
    return {
        "version": tf.__version__,
        "seconds": fitted.epoch_durations_s,
        "parameters": fitted.model.count_params(),
        "val_accuracy": fitted.history["val_accuracy"][-1],
    }


def _run(command: list[str]) -> dict[str, Any]:
    printed = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return found


if __name__ == "__main__":
    main()

"""How long `wardrobe predict` takes for a folder of 1,000 images: `python -m benchmarks.command`.

The first 1,000 test images as PNG files, classified by the models themselves and by a server on the same machine, from the start
of the command to its end, with the labels checked against those of the data set.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from training.data import load

ROOT = Path(__file__).parent.parent
IMAGES = 1000
LEAST_RIGHT = 0.9
"""A command that is quick and wrong is not measured."""


def main() -> None:
    """Print the median over the rounds, directly and by a server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--port", type=int, default=8765)
    options = parser.parse_args()
    dataset = load()
    labels = dataset.test_labels[:IMAGES]
    with tempfile.TemporaryDirectory() as folder:
        for number, image in enumerate(dataset.test_images[:IMAGES, ..., 0]):
            Image.fromarray(image).save(Path(folder, f"{number:04}.png"))
        _report("directly", [_round(folder, labels) for _ in range(options.rounds)])
        server = subprocess.Popen([sys.executable, "-m", "app", "--port", str(options.port)], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{options.port}"
            while not _is_ready(url):
                if server.poll() is not None:
                    raise SystemExit(f"the server ended with status {server.returncode}: is port {options.port} free?")
                time.sleep(0.05)
            _report("by a server", [_round(folder, labels, "--url", url) for _ in range(options.rounds)])
        finally:
            server.terminate()
            server.wait()


def _round(folder: str, labels: npt.NDArray[np.uint8], *options: str) -> float:
    """Seconds for all of the folder."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "predict", folder, "--json", *options], cwd=ROOT, capture_output=True, text=True, check=True
    )
    seconds = time.perf_counter() - began
    answers = [json.loads(line)["index"] for line in done.stdout.splitlines()]
    assert len(answers) == IMAGES
    assert np.mean(answers == labels) > LEAST_RIGHT
    return seconds


def _report(how: str, seconds: list[float]) -> None:
    print(f"{IMAGES:,} images {how}: median {statistics.median(seconds):.2f} s (all: {', '.join(f'{each:.2f}' for each in seconds)})")


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5):
            return True
    except urllib.error.URLError:
        return False


if __name__ == "__main__":
    main()

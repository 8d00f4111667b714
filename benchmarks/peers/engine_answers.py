"""How far an engine's answers are from TensorFlow's on all 10,000 test images: `python -m benchmarks.peers.engine_answers ENGINE`."""

from __future__ import annotations

import gzip
import json
import os
import sys
from pathlib import Path

import numpy as np

from benchmarks.peers.engines import ENGINES

if __name__ == "__main__":
    folder = Path(os.environ["BENCHMARK_MODEL"])
    data = Path(os.environ.get("WARDROBE_DATA_DIR", "/usr/share/datasets/fashion-mnist"))
    packed = data / "t10k-images-idx3-ubyte.gz"
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else packed.with_suffix("").read_bytes()
    images = np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28, 1)
    reference = np.load(folder / "answers.npz")  # what TensorFlow said when the version was published
    found = ENGINES[sys.argv[1]](folder)(images).probabilities
    labels = int((found.argmax(axis=1) != reference["predicted"]).sum())
    print(json.dumps({"other_labels": labels, "largest_difference": float(np.abs(found.max(axis=1) - reference["confidence"]).max())}))

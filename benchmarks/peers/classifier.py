"""The CNN by LiteRT as Wardrobe runs it, for the peers: so that servers are compared, and not engines."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from benchmarks.peers.answer import answer


class Classifier:
    """A PNG of 28x28 to the answer that Wardrobe gives."""

    def __init__(self) -> None:
        folder = Path(os.environ["BENCHMARK_MODEL"])
        self._card = json.loads((folder / "card.json").read_text())
        self._interpreter = Interpreter(str(folder / "model.tflite"), num_threads=1)
        self._interpreter.allocate_tensors()
        [image] = self._interpreter.get_input_details()
        outputs = self._interpreter.get_signature_runner().get_output_details()
        self._image = self._interpreter.tensor(image["index"])
        self._probabilities = self._interpreter.tensor(outputs["probabilities"]["index"])
        self._one_at_a_time = threading.Lock()  # BentoML and Ray Serve call from several threads

    def __call__(self, png: bytes) -> dict[str, Any]:
        """The answer for one image, ready for JSON."""
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            pixels = np.asarray(image.convert("L"), np.uint8)
        with self._one_at_a_time:
            self._image()[0, ..., 0] = pixels
            self._interpreter.invoke()
            probabilities = self._probabilities()[0].tolist()
        return answer(self._card, probabilities)

"""The CNN by OpenVINO as Wardrobe runs it, for the peers: so that servers are compared, and not engines."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import openvino
from PIL import Image

from benchmarks.peers.answer import answer

SETTINGS = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}


class Classifier:
    """A PNG of 28x28 to the answer that Wardrobe gives."""

    def __init__(self) -> None:
        folder = Path(os.environ["BENCHMARK_MODEL"])
        self._card = json.loads((folder / "card.json").read_text())
        core = openvino.Core()
        graph = core.read_model(str(folder))
        graph.reshape([1, 28, 28, 1])
        self._request = core.compile_model(graph, "CPU", SETTINGS).create_infer_request()
        self._image = np.zeros((1, 28, 28, 1), np.uint8)
        self._request.set_input_tensor(openvino.Tensor(self._image, shared_memory=True))
        self._probabilities = self._request.get_tensor("probabilities").data
        self._one_at_a_time = threading.Lock()  # BentoML and Ray Serve call from several threads

    def __call__(self, png: bytes) -> dict[str, Any]:
        """The answer for one image, ready for JSON."""
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            pixels = np.asarray(image.convert("L"), np.uint8)
        with self._one_at_a_time:
            self._image[0, ..., 0] = pixels
            self._request.infer(share_outputs=True)
            probabilities = self._probabilities[0].tolist()
        return answer(self._card, probabilities)

"""FastAPI with Keras's `model.predict`, the SavedModel in a `TFSMLayer`. `uvicorn benchmarks.peers.fastapi_keras:app`."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
from fastapi import FastAPI, UploadFile
from PIL import Image

from benchmarks.peers.answer import answer

FOLDER = Path(os.environ["BENCHMARK_MODEL"])
CARD = json.loads((FOLDER / "card.json").read_text())

image = keras.Input((28, 28, 1), dtype="uint8")
model = keras.Model(image, keras.layers.TFSMLayer(str(FOLDER), call_endpoint="serving_default")(image))
app = FastAPI()


@app.post("/predict")
async def predict(file: UploadFile) -> dict[str, Any]:
    """Classify one image."""
    pixels = np.asarray(Image.open(io.BytesIO(await file.read())).convert("L"), np.uint8)
    outputs = model.predict(pixels[np.newaxis, ..., np.newaxis], verbose=0)
    return answer(CARD, outputs["probabilities"][0].tolist())

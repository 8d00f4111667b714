"""FastAPI with `tf.saved_model.load`: what most people write. `uvicorn benchmarks.peers.fastapi_savedmodel:app`."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from fastapi import FastAPI, UploadFile
from PIL import Image

from benchmarks.peers.answer import answer

FOLDER = Path(os.environ["BENCHMARK_MODEL"])
CARD = json.loads((FOLDER / "card.json").read_text())

loaded = tf.saved_model.load(str(FOLDER))
classify = loaded.signatures["serving_default"]
app = FastAPI()


@app.post("/predict")
async def predict(file: UploadFile) -> dict[str, Any]:
    """Classify one image."""
    pixels = np.asarray(Image.open(io.BytesIO(await file.read())).convert("L"), np.uint8)
    outputs = classify(image=tf.constant(pixels[np.newaxis, ..., np.newaxis]))
    return answer(CARD, outputs["probabilities"].numpy()[0].tolist())

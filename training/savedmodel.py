"""The published graph: written by Keras, run by TensorFlow as the reference for every other engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from training.architectures import INPUT_SHAPE, scaled

SIGNATURE = "serving_default"
CONVERTED = "model.tflite"


def export(model: keras.Model, folder: Path, temperature: float = 1.0, mirrored: bool = False) -> None:
    """Write `model` to `folder` as a SavedModel with the one signature that every client relies on.

    `serving_default` takes `image`, uint8 `[None, 28, 28, 1]`, 0-255, and returns `probabilities` and
    `logits`, float32 `[None, 10]`. Scaling is part of the graph, so training and serving can't disagree;
    so is the temperature by which the network's logits are divided, so that whoever serves it is calibrated,
    and, if `mirrored`, the mean of the logits of each image and of its mirror image.

    Raises:
        OSError: The folder can't be written to, or its disk is full.
    """
    penultimate = keras.Model(model.inputs, model.layers[-1].input)
    last = model.layers[-1]

    @tf.function(input_signature=[tf.TensorSpec((None, *INPUT_SHAPE), tf.uint8, name="image")])  # type: ignore[untyped-decorator]
    def serve(image: Any) -> dict[str, Any]:
        pixels = scaled(image)
        if mirrored:
            both = penultimate(tf.concat([pixels, tf.reverse(pixels, axis=[2])], axis=0), training=False)
            hidden = tf.add_n(tf.split(both, 2)) / 2  # the last layer is linear: its mean is that of the mean
        else:
            hidden = penultimate(pixels, training=False)
        logits = tf.add(tf.matmul(hidden, last.kernel), last.bias)
        if temperature != 1.0:
            logits = logits / temperature
        return {"probabilities": tf.nn.softmax(logits), "logits": logits}

    # keras.export.ExportArchive would store every weight twice, and the seeds of the dropout layers.
    module = tf.Module()
    module.weights = [weight.value for weight in model.weights]
    try:
        tf.saved_model.save(module, str(folder), signatures={SIGNATURE: serve})
    except tf.errors.OpError as error:  # "{{node …}} /path; No space left on device [Op:SaveV2]"
        raise OSError(error.message.rpartition("; ")[2].partition(" [Op:")[0]) from error


def convert(folder: Path) -> None:
    """Write `model.tflite` beside the SavedModel in `folder`: the same graph in the file format of LiteRT, float32 throughout.

    Raises:
        OSError: The folder can't be written to, or its disk is full.
    """
    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder), signature_keys=[SIGNATURE])
    (folder / CONVERTED).write_bytes(converter.convert())


@dataclass(frozen=True)
class Prediction:
    """`probabilities` and `logits` are float32 `[n, 10]`."""

    probabilities: npt.NDArray[np.float32]
    logits: npt.NDArray[np.float32]


class SavedModel:
    """A published graph, run by TensorFlow."""

    def __init__(self, folder: Path) -> None:
        self._loaded = tf.saved_model.load(str(folder))  # the signature below does not keep it alive
        self._signature = self._loaded.signatures[SIGNATURE]

    def predict(self, images: npt.NDArray[np.uint8], batch_size: int = 1000) -> Prediction:
        """Classify uint8 `[n, 28, 28, 1]` images, 0-255."""
        batches = [self._signature(image=tf.constant(images[i : i + batch_size])) for i in range(0, len(images), batch_size)]
        return Prediction(*(np.concatenate([batch[output].numpy() for batch in batches]) for output in ("probabilities", "logits")))


def predict(folder: Path, images: npt.NDArray[np.uint8]) -> Prediction:
    """Run the SavedModel in `folder` once on uint8 `[n, 28, 28, 1]` images."""
    return SavedModel(folder).predict(images)

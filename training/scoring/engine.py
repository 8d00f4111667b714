"""A published graph as LiteRT runs it offline: fixed batches on one CPU thread."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

from training.errors import TrainingError
from training.scoring.version import Version

BATCH = 32
"""Images in one run of a graph: with more no published one is faster, and from 128 the CNN is slower, as its tensors outgrow the cache."""
GOLDEN_TOLERANCE = 1e-4
"""Largest difference from TensorFlow's probabilities; engines in float32 agree to about 1e-6."""

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


class Engine:
    """A version's graph, its tensors allocated once for `batch` images."""

    def __init__(self, version: Version, batch: int = BATCH) -> None:
        """Load the graph and check it on the version's golden images.

        Raises:
            TrainingError: LiteRT can't load it, or its answers are not those that were published.
        """
        self._batch, self._classes = batch, len(version.labels)
        try:
            with _without_greeting():
                self._load(version.graph)
            differences = np.abs(self(version.golden_images) - version.golden_probabilities)
        except (RuntimeError, ValueError) as error:
            raise TrainingError(f"LiteRT can't run {version.name} {version.number} ({error}): publish the version again") from error
        if not differences.max() <= GOLDEN_TOLERANCE:  # also where it is not a number
            raise TrainingError(
                f"{version.name} {version.number} answers its golden images otherwise than when it was published, "
                f"by {differences.max():.2g}: publish the version again, or choose another one with --version"
            )

    def __call__(self, images: Images) -> Floats:
        """The probabilities, float32 `[n, classes]`, of uint8 `[n, 28, 28, 1]` images, 0-255."""
        probabilities = np.empty((len(images), self._classes), np.float32)
        for start in range(0, len(images), self._batch):
            some = images[start : start + self._batch]
            self._images()[: len(some)] = some  # a last, smaller batch leaves the rest of the input as it was
            self._interpreter.invoke()
            probabilities[start : start + len(some)] = self._probabilities()[: len(some)]
        return probabilities

    def _load(self, graph: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_content=graph, num_threads=1)
        [image] = self._interpreter.get_input_details()
        self._interpreter.resize_tensor_input(image["index"], (self._batch, *image["shape"][1:]))
        self._interpreter.allocate_tensors()
        outputs = self._interpreter.get_signature_runner().get_output_details()
        self._images, self._probabilities = (self._interpreter.tensor(each["index"]) for each in (image, outputs["probabilities"]))


@contextmanager
def _without_greeting() -> Iterator[None]:
    """Leave out what LiteRT says of itself on standard error while it loads, which no setting silences, but nothing else."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    try:
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), 2)
            try:
                yield
            finally:
                os.dup2(standard_error, 2)
                held.seek(0)
                for line in held:
                    if not line.startswith(b"INFO: "):
                        os.write(2, line)
    finally:
        os.close(standard_error)

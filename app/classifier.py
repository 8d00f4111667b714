"""Uploads to answers without holding up others: a small image and a quick model inline, all else in threads.

A 28x28 image costs less to decode and to classify than a hop to a thread and back, so these run where the request is. A photo, a
batch or a slow model would keep every other request waiting meanwhile; the engines and Pillow let go of the interpreter, so in a
thread they run beside the event loop, which the scheduler prefers as it mostly sleeps. `python -m benchmarks.serving` measures what
the small models lose while a slow one is used.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import TypeVar

from app.errors import RequestError
from app.images import Fit, Picture, decode, is_small
from app.model import Model
from app.occlusion import explain
from app.prediction import predict, predict_files
from app.preprocessing import preprocess
from app.reader import Reader
from app.schemas.explanations import Explanation
from app.schemas.predictions import Prediction
from app.schemas.preprocessing import Preprocessed
from app.settings import Settings
from app.steps import Timed
from app.threads import Threads

FEW_BYTES = 8192
"""Of tensors: a handful of images as bytes, or one as JSON; reading and classifying more would hold up other requests."""

Result = TypeVar("Result")


class Classifier:
    """Photos and batches share `photo_threads`; slow models take turns in one thread, as they would on one core, and so do tensors."""

    def __init__(self, settings: Settings) -> None:
        self._max_pixels = settings.max_pixels
        self._photos = Threads(settings.photo_threads, settings.photo_queue)
        self._slow_models = Threads(1, settings.slow_queue)
        self._tensors = Threads(1, settings.photo_queue)  # one, as JSON of 40 MB takes up to 900 MB as Python's objects
        self.reader = Reader()
        """For the thread of the tensors."""

    async def decode(self, data: bytes, fit: Fit) -> Picture:
        """Decode an upload as `images.decode` does.

        Raises:
            RequestError: The image can't be used, or too many requests are waiting.
        """
        with Timed("decode"):
            if is_small(data, fit):
                return decode(data, fit, self._max_pixels)
            return await self._photos.run(lambda: decode(data, fit, self._max_pixels))

    async def predict(self, model: Model, picture: Picture, fit: Fit) -> Prediction:
        """Classify one picture.

        Raises:
            OverloadedError: Too many requests are waiting for a slow model.
        """
        [prediction] = (
            await self._slow_models.run(lambda: predict(model, [picture], fit)) if model.is_slow else predict(model, [picture], fit)
        )
        return prediction

    async def tensors(self, model: Model, size: int, work: Callable[[], Result]) -> Result:
        """Do the `work` on the tensors for `model` in a body of `size` bytes.

        Raises:
            RequestError: It does, or too many requests are waiting.
        """
        if size > FEW_BYTES:
            return await self._tensors.run(lambda: _uncollected(work))
        return await self._slow_models.run(work) if model.is_slow else work()

    async def explain(self, model: Model, data: bytes, fit: Fit) -> Explanation:
        """Decode an upload and find out what the model's answer rests on; as much work as a batch.

        Raises:
            RequestError: The image can't be used, or too many requests are waiting.
        """
        return await self._photos.run(lambda: explain(model, decode(data, fit, self._max_pixels).pixels, fit))

    async def preprocess(self, data: bytes, fit: Fit) -> Preprocessed:
        """What the models see of an upload, and the steps that lead there.

        Raises:
            RequestError: The image can't be used, or too many requests are waiting.
        """
        return await self._photos.run(lambda: preprocess(data, fit, self._max_pixels))

    async def batch(self, model: Model, files: Sequence[bytes], fit: Fit) -> list[Prediction | RequestError]:
        """Decode and classify a batch in one thread; an image that can't be used has its error in its place.

        Raises:
            OverloadedError: Too many requests are waiting.
        """
        return await self._photos.run(lambda: predict_files(model, files, fit, self._max_pixels))


def _uncollected(work: Callable[[], Result]) -> Result:
    """Do the `work` without the garbage collector.

    JSON becomes hundreds of thousands of lists and no cycle among them. The collector would go through them again and again, with
    every other request waiting: for 250 images ten times as long as reading them takes.
    """
    gc.disable()
    try:
        return work()
    finally:
        gc.enable()

"""Uploads to answers without holding up others: a small image and a quick model inline, all else in threads.

A 28x28 image costs less to decode and to classify than a hop to a thread and back, so these run where the request is. A photo, a
batch or a slow model would keep every other request waiting meanwhile; the engines and Pillow let go of the interpreter, so in a
thread they run beside the event loop, which the scheduler prefers as it mostly sleeps. `python -m benchmarks.serving` measures what
the small models lose while a slow one is used.

Decoding shares its threads among all requests. Each model has threads of its own, so that one that hangs keeps no other waiting; one
thread is enough for its batches, as an engine does one run at a time.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from app.errors import RequestError
from app.images import SMALL_BYTES, Fit, Picture, decode, is_small
from app.model import Model
from app.occlusion import explain
from app.prediction import decode_files, predict, predict_decoded
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

FORM_BYTES = 1024
"""Of a form around one small image, at most."""

Result = TypeVar("Result")


class Own(NamedTuple):
    """A model's own threads: for single images, if it is slow, and for batches."""

    single: Threads
    batch: Threads


class Classifier:
    """Photos and batches are decoded by `photo_threads`; each model has threads of its own, and large JSON its process."""

    def __init__(self, settings: Settings) -> None:
        self._max_pixels = settings.max_pixels
        self._photos = Threads(settings.photo_threads, settings.photo_queue)
        self.reader = Reader()
        """For tensors."""
        self._settings = settings
        self._own: WeakKeyDictionary[Model, Own] = WeakKeyDictionary()

    def expect_image(self, size: int, fit: Fit, model: Model | None = None) -> None:
        """Return if there is room for an upload of `size` bytes, before it is read; `run` finds out what has changed meanwhile.

        Raises:
            RequestError: There is none.
        """
        if fit != "strict" or size > SMALL_BYTES + FORM_BYTES:
            self._photos.expect()
        if model is not None and model.is_slow:
            self._threads_of(model).single.expect()

    def expect_batch(self, model: Model | None) -> None:
        """Return if there is room for a batch, or as much work as one.

        Raises:
            RequestError: There is none.
        """
        self._photos.expect()
        if model is not None:
            self._threads_of(model).batch.expect()

    def expect_tensors(self, model: Model, size: int) -> None:
        """Return if there is room for tensors of `size` bytes.

        Raises:
            RequestError: There is none.
        """
        if size > FEW_BYTES:
            self._threads_of(model).batch.expect()
        elif model.is_slow:
            self._threads_of(model).single.expect()

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
            RequestError: Too many requests are waiting for a slow model, or it fails.
        """
        [prediction] = (
            await self._threads_of(model).single.run(lambda: predict(model, [picture], fit))
            if model.is_slow
            else predict(model, [picture], fit)
        )
        return prediction

    async def tensors(self, model: Model, size: int, work: Callable[[], Result]) -> Result:
        """Do the `work` on the tensors for `model` in a body of `size` bytes.

        Raises:
            RequestError: It does, or too many requests are waiting.
        """
        if size > FEW_BYTES:
            return await self._threads_of(model).batch.run(lambda: _uncollected(work))
        return await self._threads_of(model).single.run(work) if model.is_slow else work()

    async def explain(self, model: Model, data: bytes, fit: Fit) -> Explanation:
        """Decode an upload and find out what the model's answer rests on; as much work as a batch.

        Raises:
            RequestError: The image can't be used, or too many requests are waiting.
        """
        picture = await self._photos.run(lambda: decode(data, fit, self._max_pixels))
        return await self._threads_of(model).batch.run(lambda: explain(model, picture.pixels, fit))

    async def preprocess(self, data: bytes, fit: Fit) -> Preprocessed:
        """What the models see of an upload, and the steps that lead there.

        Raises:
            RequestError: The image can't be used, or too many requests are waiting.
        """
        return await self._photos.run(lambda: preprocess(data, fit, self._max_pixels))

    async def batch(self, model: Model, files: Sequence[bytes], fit: Fit) -> list[Prediction | RequestError]:
        """Decode a batch in one thread and classify it in another; an image that can't be used has its error in its place.

        Raises:
            RequestError: Too many requests are waiting, or the model fails.
        """
        decoded = await self._photos.run(lambda: decode_files(files, fit, self._max_pixels))
        return await self._threads_of(model).batch.run(lambda: predict_decoded(model, decoded, fit))

    def close(self) -> None:
        """Let every thread end after what it is doing."""
        for each in (self._photos, *(threads for own in self._own.values() for threads in own)):
            each.close()

    def _threads_of(self, model: Model) -> Own:
        own = self._own.get(model)
        if own is None:
            own = self._own[model] = Own(Threads(1, self._settings.slow_queue), Threads(1, self._settings.photo_queue))
        return own


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

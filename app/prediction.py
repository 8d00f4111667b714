"""From pictures to answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from app.advice import advice
from app.errors import RequestError
from app.images import Fit, Picture, decode
from app.model import Model
from app.schemas.predictions import Prediction
from app.steps import Timed


def predict(model: Model, pictures: Sequence[Picture], fit: Fit) -> list[Prediction]:
    """Classify the pictures in one run of the graph; the answers are in the same order."""
    if not pictures:
        return []
    images = np.array([picture.pixels for picture in pictures])[..., np.newaxis]
    judged = zip(pictures, model.classify(images).probabilities, model.more_familiar(images), strict=True)
    return [_prediction(model, *each, fit) for each in judged]


def decode_files(files: Sequence[bytes], fit: Fit, max_pixels: int) -> list[Picture | RequestError]:
    """Decode a batch; an image that can't be used has its error in its place."""
    with Timed("decode"):
        return [_attempt(data, fit, max_pixels) for data in files]


def predict_decoded(model: Model, decoded: Sequence[Picture | RequestError], fit: Fit) -> list[Prediction | RequestError]:
    """Classify what could be decoded of a batch; the errors stay in their places."""
    predictions = iter(predict(model, [each for each in decoded if isinstance(each, Picture)], fit))
    return [next(predictions) if isinstance(each, Picture) else each for each in decoded]


def _attempt(data: bytes, fit: Fit, max_pixels: int) -> Picture | RequestError:
    try:
        return decode(data, fit, max_pixels)
    except RequestError as error:
        return error


def _prediction(
    model: Model, picture: Picture, probabilities: np.ndarray[tuple[int], np.dtype[np.float32]], more_familiar: float | None, fit: Fit
) -> Prediction:
    index = int(probabilities.argmax())
    values = probabilities.tolist()
    remarks = [*picture.remarks, *advice(picture.pixels, probabilities, model.labels, fit, more_familiar)]
    for each in remarks:
        model.telemetry.warned(each.kind)
    return Prediction(
        model=model.name,
        version=model.version,
        label=model.labels[index],
        index=index,
        confidence=values[index],
        probabilities=dict(zip(model.labels, values, strict=True)),
        fit=fit,
        warnings=[each.sentence for each in remarks],
    )

"""What is done to an upload before a model sees it, to look at."""

from __future__ import annotations

import base64
import io

from PIL import Image

from app.garment import STEPS
from app.images import Fit, decode
from app.schemas.preprocessing import Preprocessed, Step

SHOWN_SIDE = 224
"""A step's picture is reduced to this many pixels on its longest edge: enough to look at, and an answer stays small."""


def preprocess(data: bytes, fit: Fit, max_pixels: int) -> Preprocessed:
    """The image that `decode` makes of an upload, and the steps that lead there.

    Raises:
        RequestError: As of `images.decode`.
    """
    steps: list[Step] = []
    picture = decode(data, fit, max_pixels, lambda name, result: steps.append(_step(name, result)))
    return Preprocessed(fit=fit, pixels=picture.pixels.tolist(), steps=steps, warnings=[each.sentence for each in picture.remarks])


def _step(name: str, result: Image.Image) -> Step:
    width, height = result.size
    shown = result.copy()
    shown.thumbnail((SHOWN_SIDE, SHOWN_SIDE), Image.Resampling.BOX)
    png = io.BytesIO()
    shown.save(png, "PNG")
    return Step(name=name, description=STEPS[name], width=width, height=height, png=base64.b64encode(png.getvalue()).decode())

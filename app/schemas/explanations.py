"""The answer of `/explain`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.schemas.common import example

_EXAMPLE: dict[str, Any] = {
    "model": "cnn",
    "version": 2,
    "label": "Ankle boot",
    "index": 9,
    "confidence": 0.9987,
    "fit": "strict",
    "patch": 6,
    "stride": 2,
    "change": [[-0.25] * 28] * 28,
}


class Explanation(BaseModel):
    """Which parts of an image one model's answer rests on."""

    model_config = example(_EXAMPLE)

    model: str
    version: int
    label: str = Field(description="The most probable class")
    index: int = Field(description="Its position in class order")
    confidence: float = Field(description="Its probability, 0 to 1")
    fit: Literal["strict", "garment"]
    patch: int = Field(description="Side in pixels of the squares that were covered with black, one after the other")
    stride: int = Field(description="Pixels from one square to the next")
    change: list[list[float]] = Field(
        description="28 rows of 28: what covering a pixel does to the confidence, the mean over all squares that cover it. "
        "Where it is negative, what is there speaks for the class; where positive, against it."
    )

"""The answer of `/preprocess`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.schemas.common import example

_EXAMPLE: dict[str, Any] = {
    "fit": "garment",
    "pixels": [[0] * 28] * 28,
    "steps": [
        {
            "name": "trim",
            "description": "Cut to the garment.",
            "width": 310,
            "height": 420,
            "png": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==",
        }
    ],
    "warnings": [],
}


class Step(BaseModel):
    """One step from a photo to 28x28."""

    name: str
    description: str = Field(description="What was done, in a sentence")
    width: int = Field(description="Of its result, in pixels")
    height: int = Field(description="Of its result, in pixels")
    png: str = Field(description="Its result as a PNG in base64, at most 224 pixels on its longest edge")


class Preprocessed(BaseModel):
    """What the models see of an image."""

    model_config = example(_EXAMPLE)

    fit: Literal["strict", "garment"]
    pixels: list[list[int]] = Field(description="The image that the models see: 28 rows of 28 grey levels, 0 to 255")
    steps: list[Step] = Field(description="How `fit=garment` got there, in order; empty for `fit=strict`, which takes an image as it is")
    warnings: list[str] = Field(description="What a careful colleague would remark about the file; often empty")

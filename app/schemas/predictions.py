"""The answers of `/predict`, `/predict/batch` and `/compare`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.schemas.common import example
from app.schemas.problem import PROBLEM_EXAMPLE, Problem

PREDICTION_EXAMPLE: dict[str, Any] = {
    "model": "cnn",
    "version": 1,
    "label": "Ankle boot",
    "index": 9,
    "confidence": 0.9987,
    "probabilities": {
        "T-shirt/top": 0.0,
        "Trouser": 0.0,
        "Pullover": 0.0,
        "Dress": 0.0,
        "Coat": 0.0,
        "Sandal": 0.0003,
        "Shirt": 0.0,
        "Sneaker": 0.0008,
        "Bag": 0.0002,
        "Ankle boot": 0.9987,
    },
    "fit": "strict",
    "warnings": [],
}


class Prediction(BaseModel):
    """One model's answer for one image."""

    model_config = example(PREDICTION_EXAMPLE)

    model: str
    version: int
    label: str = Field(description="The most probable class")
    index: int = Field(description="Its position in class order")
    confidence: float = Field(description="Its probability, 0 to 1")
    probabilities: dict[str, float] = Field(description="Every class in class order; they sum to 1")
    fit: Literal["strict", "garment"]
    warnings: list[str] = Field(
        description="What a careful colleague would remark, such as a near tie or an image unlike the training images; often empty"
    )


class Batch(BaseModel):
    """The answers for several images, in the order of the files; a bad image fails alone."""

    model_config = example({"results": [PREDICTION_EXAMPLE, PROBLEM_EXAMPLE]})

    results: list[Prediction | Problem]


class SideBySide(BaseModel):
    """Every model's answer for one image."""

    model_config = example({"models": {"ann": {**PREDICTION_EXAMPLE, "model": "ann"}, "cnn": PREDICTION_EXAMPLE}, "agree": True})

    models: dict[str, Prediction | Problem] = Field(description="By model name; a model that can't answer has a problem instead")
    agree: bool = Field(description="Whether all that answered gave the same label")

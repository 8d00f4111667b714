"""`mistakes.json`: the test images that a model gets wrong, a column for each thing known of them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from app.schemas.common import Open, PositiveInt, example

_EXAMPLE: dict[str, Any] = {
    "labels": ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
    "columns": 40,
    "test_index": [17, 23],
    "true": [4, 9],
    "models": {"ann": {"version": 2, "predicted": [6, 5], "confidence": [0.4527, 0.8812]}},
    "sprite_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}

Class = Annotated[int, Field(ge=0)]


class Verdicts(Open):
    """What one model says of the images."""

    version: PositiveInt
    predicted: list[Class] = Field(description="Position in `labels`, by image")
    confidence: list[float] = Field(description="The probability of that class, 0 to 1, by image")


class Mistakes(Open):
    """Every test image that at least one of the models gets wrong, and what each of them says of it."""

    model_config = example(_EXAMPLE)

    labels: list[str]
    columns: PositiveInt = Field(description="Images in a row of the sprite, `/mistakes/sprite`, which has the images in the same order")
    test_index: list[int] = Field(description="Position in the test set, by image")
    true: list[Class] = Field(description="Position in `labels`, by image")
    models: dict[str, Verdicts]
    sprite_sha256: str = Field(description="SHA-256 of the sprite that belongs to this index")

    @model_validator(mode="after")
    def _columns_fit(self) -> Mistakes:
        columns = [self.test_index, self.true, *(each for row in self.models.values() for each in (row.predicted, row.confidence))]
        if len({len(each) for each in columns}) > 1:
            raise ValueError("the columns have different lengths")
        if any(each >= len(self.labels) for column in (self.true, *(row.predicted for row in self.models.values())) for each in column):
            raise ValueError(f"a class is none of the {len(self.labels)} labels")
        return self

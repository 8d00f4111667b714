"""The answers of `/models` and `/models/{name}`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.schemas.common import example

SUMMARY_EXAMPLE: dict[str, Any] = {
    "name": "cnn",
    "state": "ready",
    "version": 1,
    "default": True,
    "required": True,
    "reason": None,
    "versions": [{"version": 1, "state": "served", "reason": None}],
}

State = Literal["served", "loaded", "idle", "broken"]


class Version(BaseModel):
    """One version in the models folder."""

    version: int
    state: State = Field(
        description="`served` answers by default, `loaded` when asked for by number, `idle` is too old to be loaded, `broken` is not served"
    )
    reason: str | None = Field(default=None, description="Why it is broken, or serves from memory alone")


class ModelSummary(BaseModel):
    """One model: which version answers, or why none does."""

    model_config = example(SUMMARY_EXAMPLE)

    name: str
    state: Literal["ready", "unavailable"]
    version: int | None = Field(description="The version that answers by default")
    default: bool = Field(description="Whether it answers when a request names no model")
    required: bool = Field(description="Whether the service is not ready without it")
    reason: str | None = Field(description="Why it is unavailable")
    versions: list[Version]


class ClassShares(BaseModel):
    """How much of all answers one label makes up, 0 to 1."""

    live: float | None = Field(description="Of those since the service started; null before the first")
    test: float = Field(description="Of those to the test images")


class ClassMix(BaseModel):
    """Whether the labels answered are mixed as they were on the test images."""

    images: int = Field(description="Classified by this version since the service started, in all workers")
    divergence: float | None = Field(
        description="Jensen-Shannon divergence of the two mixes in bits, 0 to 1 (Lin 1991); null for fewer than 500 images"
    )
    by_chance: float | None = Field(
        description="What `divergence` would be on average if these and the test images came from one source; well above it, they do not"
    )
    labels: dict[str, ClassShares] = Field(description="By label, in class order")


class ModelDetail(ModelSummary):
    """One model with the card of its served version, and what it answers."""

    model_config = example(
        {
            **SUMMARY_EXAMPLE,
            "card": {"name": "cnn", "version": 1, "parameters": 69834, "seed": 0, "best_epoch": 71},
            "class_mix": {
                "images": 4711,
                "divergence": 0.000412,
                "by_chance": 0.000507,
                "labels": {"Trouser": {"live": 0.1023, "test": 0.0984}},
            },
        }
    )

    card: dict[str, Any] | None
    class_mix: ClassMix | None = Field(description="Null where no version is served")


class ModelList(BaseModel):
    """Every model of the service."""

    model_config = example({"models": [SUMMARY_EXAMPLE]})

    models: list[ModelSummary]

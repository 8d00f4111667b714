"""`comparison.json`: the newest version of every model held against the others."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.schemas.common import Open
from app.schemas.report import LossAndAccuracy


class ComparedModel(Open):
    """One row of the comparison."""

    version: int
    parameters: int | None = None
    train: LossAndAccuracy
    test: dict[str, Any] | None = Field(default=None, description="As in the model's own evaluation, without its classes")


class ModelVersion(Open):
    """Which version of which model."""

    name: str
    version: int


class PairedTest(Open):
    """Two models on the same test images: `one` against `other`; a difference is the figure of `one` minus that of `other`."""

    one: ModelVersion
    other: ModelVersion
    mcnemar: dict[str, Any] = Field(
        description="McNemar's exact test: images `both_right`, `one_alone_right`, `other_alone_right`, `both_wrong`, and the `p_value`"
    )
    confidence: float = Field(description="Of the intervals, 0 to 1")
    resamples: int = Field(description="Test sets drawn for the intervals, the same for both models")
    differences: dict[str, Any] = Field(
        description="In `accuracy`, `macro_f1` and `loss`: `value`, and `low` and `high` of its interval by a bootstrap"
    )
    per_class: dict[str, dict[str, Any]] = Field(
        description="By class: differences in recall and F1, the `p_value`, and Holm's `holm_p_value` for as many tests as classes"
    )


class Comparison(Open):
    """The models held against each other: the best one's figures minus the runner-up's."""

    best: str = Field(description="By accuracy on the test images")
    runner_up: str | None = None
    models: dict[str, ComparedModel] = Field(description="The best one first")
    accuracy_difference: float
    loss_difference: float | None = None
    per_class_f1_difference: dict[str, float]
    per_class_best: dict[str, str] | None = Field(default=None, description="By class: the model with the highest F1")
    paper: dict[str, dict[str, Any]] | None = Field(
        default=None, description="By model: each figure that the paper prints, `ours`, and the difference"
    )
    summary: str = Field(description="The same in words")
    tests: list[PairedTest] | None = Field(
        default=None, description="Every two models, the better one first, and each model's newest version against the one before"
    )
    study: dict[str, dict[str, Any]] | None = Field(
        default=None, description="By model, of the `paper`'s recipe and of the `best` one: the spread of its figures over several seeds"
    )
    ablation: list[dict[str, Any]] | None = Field(
        default=None, description="What each ingredient of a recipe brought, on validation images: each row adds one to the row before"
    )
    earlier: dict[str, list[ComparedModel]] | None = Field(
        default=None, description="By model: the figures of the versions before the newest, ascending"
    )

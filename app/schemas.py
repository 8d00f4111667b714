"""The shapes of every answer, as they appear in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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

PROBLEM_EXAMPLE: dict[str, Any] = {
    "type": "urn:wardrobe:problem:unprocessable-image",
    "title": "Unprocessable image",
    "status": 422,
    "detail": "The image is 27x28 and must be 28x28: resize it, or add fit=garment to have any photo fitted.",
    "request_id": "5f0c7f8e3c3b4b0f8f4f4a5d7c1e2b3a",
}
METRICS_EXAMPLE: dict[str, Any] = {
    "dataset": {"name": "Fashion-MNIST", "train_images": 60000, "test_images": 10000, "labels": ["T-shirt/top", "Trouser", "…"]},
    "models": {
        "cnn": {
            "version": 1,
            "parameters": 69834,
            "train": {"loss": 0.16, "accuracy": 0.94},
            "test": {
                "loss": 0.25,
                "accuracy": 0.91,
                "correct": 9100,
                "incorrect": 900,
                "macro_avg": {"precision": 0.91, "recall": 0.91, "f1": 0.91},
                "weighted_avg": {"precision": 0.91, "recall": 0.91, "f1": 0.91},
                "per_class": {"Trouser": {"precision": 0.99, "recall": 0.98, "f1": 0.98, "support": 1000, "roc_auc": 0.999}},
                "confusion_matrix": [[810, 0], [1, 980]],
            },
            "paper": {"test": {"accuracy": 0.9138}},
        }
    },
    "comparison": {
        "best": "cnn",
        "runner_up": "ann",
        "models": {"cnn": {"version": 1, "train": {"loss": 0.16, "accuracy": 0.94}}},
        "accuracy_difference": 0.05,
        "per_class_f1_difference": {"Trouser": 0.01},
        "summary": "On the same 10,000 test images the CNN …",
    },
}
SUMMARY_EXAMPLE: dict[str, Any] = {
    "name": "cnn",
    "state": "ready",
    "version": 1,
    "default": True,
    "required": True,
    "reason": None,
    "versions": [{"version": 1, "state": "served", "reason": None}],
}


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [value]})


class Problem(BaseModel):
    """An error as RFC 9457 describes it, `application/problem+json`."""

    model_config = _example(PROBLEM_EXAMPLE)

    type: str = Field(description="A URN that names the kind of problem")
    title: str = Field(description="The kind of problem in words")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What was wrong this time, and what to do")
    request_id: str = Field(description="The answer's X-Request-ID, to be found in the logs")


class Prediction(BaseModel):
    """One model's answer for one image."""

    model_config = _example(PREDICTION_EXAMPLE)

    model: str
    version: int
    label: str = Field(description="The most probable class")
    index: int = Field(description="Its position in class order")
    confidence: float = Field(description="Its probability, 0 to 1")
    probabilities: dict[str, float] = Field(description="Every class in class order; they sum to 1")
    fit: Literal["strict", "garment"]
    warnings: list[str] = Field(description="What a careful colleague would remark; often empty")


class Batch(BaseModel):
    """The answers for several images, in the order of the files; a bad image fails alone."""

    model_config = _example({"results": [PREDICTION_EXAMPLE, PROBLEM_EXAMPLE]})

    results: list[Prediction | Problem]


class SideBySide(BaseModel):
    """Every model's answer for one image."""

    model_config = _example({"models": {"ann": {**PREDICTION_EXAMPLE, "model": "ann"}, "cnn": PREDICTION_EXAMPLE}, "agree": True})

    models: dict[str, Prediction | Problem] = Field(description="By model name; a model that can't answer has a problem instead")
    agree: bool = Field(description="Whether all that answered gave the same label")


class _Open(BaseModel):
    """Later versions of a report add keys; none changes meaning."""

    model_config = ConfigDict(extra="allow")


class DatasetInfo(_Open):
    """The data that a model was trained and tested on."""

    name: str
    train_images: int
    test_images: int
    labels: list[str] = Field(description="In class order")


class LossAndAccuracy(_Open):
    """Mean cross-entropy in nats, and the share of correct labels."""

    loss: float
    accuracy: float


class Averages(_Open):
    """Precision, recall and F1, 0 to 1."""

    precision: float
    recall: float
    f1: float


class ClassFigures(Averages):
    """One class's figures, by the class against all others."""

    support: int = Field(description="Test images of this class")
    roc_auc: float = Field(description="Area under the ROC curve")


class TestFigures(LossAndAccuracy):
    """How a model did on the test images."""

    correct: int
    incorrect: int
    macro_avg: Averages
    weighted_avg: Averages
    per_class: dict[str, ClassFigures]
    confusion_matrix: list[list[int]] = Field(description="Row: true class, column: predicted class")


class ModelMetrics(_Open):
    """One model's evaluation; besides these its history, curves and examples."""

    version: int
    parameters: int
    train: LossAndAccuracy
    test: TestFigures
    paper: dict[str, Any] | None = Field(description="The paper's figures for this model, where it has them")


class StoredReport(ModelMetrics):
    """`report.json` as it was published."""

    name: str
    dataset: DatasetInfo


class ComparedModel(_Open):
    """One row of the comparison."""

    version: int
    train: LossAndAccuracy


class Comparison(_Open):
    """The models held against each other: the best one's figures minus the runner-up's."""

    best: str
    models: dict[str, ComparedModel]
    accuracy_difference: float
    per_class_f1_difference: dict[str, float]
    summary: str = Field(description="The same in words")


class Metrics(BaseModel):
    """The stored evaluation of the served models."""

    model_config = _example(METRICS_EXAMPLE)

    dataset: DatasetInfo | None = Field(description="Null where no model is served")
    models: dict[str, ModelMetrics]
    comparison: Comparison | None = Field(description="Null where it is not of the served versions")


State = Literal["served", "loaded", "idle", "broken"]


class Version(BaseModel):
    """One version in the models folder."""

    version: int
    state: State = Field(
        description="`served` answers by default, `loaded` when asked for by number, `idle` is too old to be loaded, `broken` is not served"
    )
    reason: str | None = Field(default=None, description="Why it is broken")


class ModelSummary(BaseModel):
    """One model: which version answers, or why none does."""

    model_config = _example(SUMMARY_EXAMPLE)

    name: str
    state: Literal["ready", "unavailable"]
    version: int | None = Field(description="The version that answers by default")
    default: bool = Field(description="Whether it answers when a request names no model")
    required: bool = Field(description="Whether the service is not ready without it")
    reason: str | None = Field(description="Why it is unavailable")
    versions: list[Version]


class ModelDetail(ModelSummary):
    """One model with the card of its served version."""

    model_config = _example({**SUMMARY_EXAMPLE, "card": {"name": "cnn", "version": 1, "parameters": 69834, "seed": 0, "best_epoch": 71}})

    card: dict[str, Any] | None


class ModelList(BaseModel):
    """Every model of the service."""

    model_config = _example({"models": [SUMMARY_EXAMPLE]})

    models: list[ModelSummary]


class Health(BaseModel):
    """The process lives."""

    model_config = _example({"status": "ok"})

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Every required model answers its golden images."""

    model_config = _example({"status": "ready", "models": {"ann": 1, "cnn": 1}})

    status: Literal["ready"] = "ready"
    models: dict[str, int] = Field(description="The served version of each model")


PositiveInt = Annotated[int, Field(ge=1)]

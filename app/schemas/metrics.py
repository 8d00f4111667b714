"""The answer of `/metrics`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from app.schemas.common import example
from app.schemas.comparison import Comparison
from app.schemas.report import DatasetInfo, ModelMetrics

METRICS_EXAMPLE: dict[str, Any] = {
    "dataset": {"name": "Fashion-MNIST", "train_images": 60000, "test_images": 10000, "labels": ["T-shirt/top", "Trouser", "…"]},
    "models": {
        "cnn": {
            "version": 2,
            "parameters": 69834,
            "train": {"loss": 0.16, "accuracy": 0.94},
            "test": {
                "loss": 0.25,
                "accuracy": 0.91,
                "correct": 9100,
                "incorrect": 900,
                "macro_avg": {"precision": 0.91, "recall": 0.91, "f1": 0.91},
                "weighted_avg": {"precision": 0.91, "recall": 0.91, "f1": 0.91},
                "per_class": {
                    "Trouser": {
                        "precision": 0.99,
                        "recall": 0.98,
                        "f1": 0.98,
                        "support": 1000,
                        "roc_auc": 0.999,
                        "average_precision": 0.997,
                    }
                },
                "confusion_matrix": [[810, 0], [1, 980]],
                "intervals": {
                    "confidence": 0.95,
                    "resamples": 2000,
                    "accuracy": {"value": 0.91, "low": 0.904, "high": 0.916},
                    "macro_f1": {"value": 0.91, "low": 0.904, "high": 0.916},
                    "macro_roc_auc": {"value": 0.994, "low": 0.993, "high": 0.995},
                    "loss": {"value": 0.25, "low": 0.24, "high": 0.26},
                },
            },
            "calibration": {
                "in_graph": True,
                "images": 5000,
                "temperature": 1.2,
                "before": {"nll": 0.26, "brier": 0.13, "ece": 0.02, "bins": [{"confidence": 0.45, "accuracy": 0.41, "images": 667}]},
                "after": {"nll": 0.25, "brier": 0.13, "ece": 0.01, "bins": [{"confidence": 0.42, "accuracy": 0.41, "images": 667}]},
            },
            "confused_pairs": [{"true": "Shirt", "predicted": "T-shirt/top", "images": 100, "share": 0.1}],
            "paper": {"test": {"accuracy": 0.9138}},
        }
    },
    "comparison": {
        "best": "cnn",
        "runner_up": "ann",
        "models": {"cnn": {"version": 2, "train": {"loss": 0.16, "accuracy": 0.94}}},
        "accuracy_difference": 0.05,
        "per_class_f1_difference": {"Trouser": 0.01},
        "summary": "On the same 10,000 test images the CNN …",
        "tests": [
            {
                "one": {"name": "cnn", "version": 2},
                "other": {"name": "ann", "version": 2},
                "mcnemar": {"both_right": 8400, "one_alone_right": 700, "other_alone_right": 200, "both_wrong": 700, "p_value": 1e-60},
                "confidence": 0.95,
                "resamples": 2000,
                "differences": {"accuracy": {"value": 0.05, "low": 0.044, "high": 0.056}},
                "per_class": {"Trouser": {"recall_difference": 0.01, "p_value": 0.02, "holm_p_value": 0.04, "significant": True}},
            }
        ],
    },
}


class Metrics(BaseModel):
    """The stored evaluation of the served models."""

    model_config = example(METRICS_EXAMPLE)

    dataset: DatasetInfo | None = Field(description="Null where no model is served")
    models: dict[str, ModelMetrics]
    comparison: Comparison | None = Field(description="Null where it is not of the served versions")

"""The figures that the paper prints (its chapters 2.2, 2.5, 3.2 and 3.5), to hold ours against."""

from __future__ import annotations

from typing import Any

from training.data import LABELS


def _figures(
    parameters: int,
    train: tuple[float, float],
    test: tuple[float, float],
    correct: int,
    precision: list[float],
    recall: list[float],
    f1: list[float],
    average: float,
) -> dict[str, Any]:
    averages = {"precision": average, "recall": average, "f1": average}
    return {
        "parameters": parameters,
        "train": {"loss": train[0], "accuracy": train[1]},
        "test": {
            "loss": test[0],
            "accuracy": test[1],
            "correct": correct,
            "incorrect": 10_000 - correct,
            "macro_avg": averages,
            "weighted_avg": averages,
            "per_class": {
                label: {"precision": p, "recall": r, "f1": f, "support": 1000}
                for label, p, r, f in zip(LABELS, precision, recall, f1, strict=True)
            },
        },
    }


PAPER = {
    "ann": _figures(
        parameters=227_018,
        train=(0.288117378950119, 0.8979166746139526),
        test=(0.37710440158843994, 0.8701000213623047),
        correct=8701,
        precision=[0.82, 0.99, 0.75, 0.82, 0.81, 0.95, 0.70, 0.94, 0.97, 0.96],
        recall=[0.83, 0.96, 0.84, 0.91, 0.74, 0.96, 0.62, 0.94, 0.95, 0.96],
        f1=[0.82, 0.97, 0.79, 0.87, 0.78, 0.95, 0.66, 0.94, 0.96, 0.96],
        average=0.87,
    ),
    "cnn": _figures(
        parameters=69_834,
        train=(0.16203564405441284, 0.9425833225250244),
        test=(0.23937036097049713, 0.9138000011444092),
        correct=9138,
        precision=[0.86, 0.99, 0.88, 0.92, 0.84, 0.99, 0.77, 0.95, 0.97, 0.97],
        recall=[0.86, 0.97, 0.87, 0.91, 0.90, 0.96, 0.73, 0.98, 0.98, 0.97],
        f1=[0.86, 0.98, 0.87, 0.92, 0.87, 0.98, 0.75, 0.97, 0.98, 0.97],
        average=0.91,
    ),
}

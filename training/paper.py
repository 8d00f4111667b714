"""The figures that the paper prints (its chapters 2.2, 2.4, 2.5, 3.2, 3.4 and 3.5), to hold ours against."""

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
    history: dict[str, list[float]],
) -> dict[str, Any]:
    averages = {"precision": average, "recall": average, "f1": average}
    return {
        "parameters": parameters,
        "history": history,  # the first twelve epochs: the rest is not printed
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
        history={
            "loss": [1.0355, 0.6254, 0.553, 0.5019, 0.4756, 0.4615, 0.4391, 0.4338, 0.4216, 0.4115, 0.3994, 0.3946],
            "accuracy": [0.5878, 0.7695, 0.8029, 0.8232, 0.8336, 0.8385, 0.8449, 0.8464, 0.8515, 0.8546, 0.8588, 0.8593],
            "val_loss": [0.6027, 0.5183, 0.471, 0.4451, 0.4345, 0.4137, 0.4126, 0.399, 0.3932, 0.3973, 0.4009, 0.386],
            "val_accuracy": [0.7659, 0.8167, 0.8339, 0.8398, 0.8474, 0.8529, 0.848, 0.8582, 0.8594, 0.8604, 0.8632, 0.8609],
        },
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
        history={
            "loss": [0.9462, 0.584, 0.5088, 0.4573, 0.4227, 0.3966, 0.3749, 0.3565, 0.3431, 0.3331, 0.3204, 0.3107],
            "accuracy": [0.6463, 0.7819, 0.8155, 0.8344, 0.8479, 0.8564, 0.8647, 0.8707, 0.8748, 0.8798, 0.8846, 0.8877],
            "val_loss": [0.5713, 0.4743, 0.4218, 0.3804, 0.3485, 0.3356, 0.3287, 0.3269, 0.3029, 0.2845, 0.2858, 0.2707],
            "val_accuracy": [0.7852, 0.8302, 0.8475, 0.8642, 0.8748, 0.879, 0.8821, 0.8822, 0.8892, 0.8976, 0.8946, 0.9006],
        },
    ),
}

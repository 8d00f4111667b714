"""What every peer answers with: Wardrobe's keys and values."""

from __future__ import annotations

from typing import Any


def answer(card: dict[str, Any], probabilities: list[float]) -> dict[str, Any]:
    """The answer for one image, ready for JSON."""
    labels = card["labels"]
    index = max(range(len(labels)), key=probabilities.__getitem__)
    return {
        "model": card["name"],
        "version": card["version"],
        "label": labels[index],
        "index": index,
        "confidence": probabilities[index],
        "probabilities": dict(zip(labels, probabilities, strict=True)),
        "fit": "strict",
        "warnings": [],
    }

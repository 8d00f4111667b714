"""A network's layers as a person reads them: a convolution with its normalisation and activation is one block."""

from __future__ import annotations

from typing import Any

SHORT = {"BatchNormalization": "BN", "ReLU": "ReLU", "Activation": "activation"}
"""Layers that only finish what the layer before them computed, by their names in its block."""
WEIGHED = ("Conv", "Dense")


def inputs(layers: list[dict[str, Any]]) -> list[list[str]]:
    """The names of the layers that each of the card's `layers` reads; those of older cards, which don't say, follow each other."""
    before: list[list[str]] = [[]]
    before += [[layer["name"]] for layer in layers]
    return [layer.get("inputs", previous) for layer, previous in zip(layers, before, strict=False)]


def blocks(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The card's `layers` without the input, and with each layer of `SHORT` as part of the convolution or dense layer before it.

    Returns:
        Rows as the card's, in the same order. `parameters` are the block's, `output_shape` is its last layer's, `finish` has the short
        names of the layers after its first, and `inputs` counts the blocks it reads from 0; -1 is the network's input.
    """
    read = inputs(layers)
    readers = [name for names in read for name in names]
    rows: list[dict[str, Any]] = []
    block_of: dict[str, int] = {}
    for layer, names in zip(layers, read, strict=True):
        if layer["type"] == "InputLayer":
            continue
        if rows and _finishes(layer, rows[-1]) and names == [rows[-1]["name"]] and readers.count(names[0]) == 1:
            last = rows[-1]
            last["finish"].append(SHORT[layer["type"]])
            last |= {"name": layer["name"], "parameters": last["parameters"] + layer["parameters"], "output_shape": layer["output_shape"]}
        else:
            rows.append({**layer, "finish": [], "inputs": [block_of.get(name, -1) for name in names] or [-1]})
        block_of[layer["name"]] = len(rows) - 1
    return rows


def _finishes(layer: dict[str, Any], block: dict[str, Any]) -> bool:
    return layer["type"] in SHORT and any(word in block["type"] for word in WEIGHED)

"""Blocks: only what just finishes a layer becomes part of it, and no reader loses its input."""

from __future__ import annotations

from typing import Any

from training.architectures import ARCHITECTURES
from training.card import layer
from training.pages.blocks import blocks, inputs


def row(name: str, kind: str, parameters: int = 0, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "output_shape": [None, 4], "parameters": parameters, **more}


def test_normalisation_and_activation_belong_to_the_convolution_before_them() -> None:
    (block,) = blocks([row("c", "Conv2D", 9), row("n", "BatchNormalization", 4), row("r", "ReLU", output_shape=[None, 2])])
    assert (block["finish"], block["parameters"], block["output_shape"]) == (["BN", "ReLU"], 13, [None, 2])


def test_what_follows_no_weights_stands_alone() -> None:
    alone = blocks([row("p", "MaxPooling2D"), row("n", "BatchNormalization", 4)])
    assert [block["type"] for block in alone] == ["MaxPooling2D", "BatchNormalization"]


def test_an_output_that_another_layer_reads_too_stays_visible() -> None:
    rows = [
        row("c", "Conv2D", 9, inputs=["image"]),
        row("n", "BatchNormalization", 4, inputs=["c"]),
        row("a", "Add", inputs=["n", "c"]),
    ]
    assert [block["type"] for block in blocks(rows)] == ["Conv2D", "BatchNormalization", "Add"]
    assert [block["inputs"] for block in blocks(rows)] == [[-1], [0], [1, 0]]


def test_an_activation_of_something_else_is_no_part_of_the_layer_before_it() -> None:
    rows = [row("one", "Dense", 9, inputs=["image"]), row("two", "Dense", 9, inputs=["image"]), row("r", "ReLU", inputs=["one"])]
    assert [block["type"] for block in blocks(rows)] == ["Dense", "Dense", "ReLU"]


def test_the_residual_networks_sums_read_the_block_before_and_an_earlier_one() -> None:
    drawn = blocks([layer(each) for each in ARCHITECTURES["resnet"]().layers])
    sums = [(index, block["inputs"]) for index, block in enumerate(drawn) if block["type"] == "Add"]
    assert sums == [(5, [2, 4]), (10, [7, 9])]
    assert sum(block["parameters"] for block in drawn) == 464_810


def test_layers_of_an_older_card_follow_each_other() -> None:
    assert inputs([row("a", "Dense"), row("b", "Dense")]) == [[], ["a"]]
    rows = [layer(each) for each in ARCHITECTURES["ann"]().layers]
    older = [{key: value for key, value in row.items() if key != "inputs"} for row in rows]
    assert inputs(older)[1:] == inputs(rows)[1:]

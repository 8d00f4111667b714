"""The drawing of a network: it holds for any list of layers, names each of them, and nothing overlaps."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from training.architectures import ARCHITECTURES
from training.card import layer
from training.pages.blocks import blocks
from training.pages.canvas import WIDTH
from training.pages.drawing import ROW, description, network, shape

ROWS: list[dict[str, Any]] = [
    {"name": "a", "type": "Embedding", "output_shape": [None, None, 16], "parameters": 16_000},
    {
        "name": "b",
        "type": "SeparableConvolution2DTranspose",
        "output_shape": [None, 128, 128, 2048],
        "parameters": 12_345_678,
        "kernel_size": [11, 11],
    },
    {"name": "c", "type": "LayerNormalization", "output_shape": [None, 7, 4, 2048], "parameters": 4},
    {"name": "d", "type": "AveragePooling2D", "output_shape": [None, 3, 2, 2048], "parameters": 0, "pool_size": [2, 3]},
    {"name": "e", "type": "Dense", "output_shape": [None, 100_000], "parameters": 1, "activation": "linear"},
    {"name": "f", "type": "Lambda", "output_shape": [None], "parameters": 0, "activation": "relu"},
]


def rows_of(name: str) -> list[dict[str, Any]]:
    return ROWS if name == "any" else [layer(each) for each in ARCHITECTURES[name]().layers]


def test_a_layer_is_described_by_what_sets_it_apart() -> None:
    texts = [(description(row), shape(row)) for row in ROWS]
    assert texts[0] == ("Embedding", "? × 16")
    assert texts[1] == ("SeparableConvolution2DTranspose 11×11", "128 × 128 × 2,048")
    assert texts[3] == ("AveragePooling2D 2×3", "3 × 2 × 2,048")
    assert texts[4] == ("Dense", "100,000")
    assert texts[5] == ("Lambda relu", "scalar")
    assert description({"type": "Dropout", "rate": 0.2}) == "Dropout 0.2"
    assert description({"type": "Conv2D", "kernel_size": [3, 3], "finish": ["BN", "ReLU"]}) == "Conv2D 3×3, BN, ReLU"


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], []], ids=["six layers", "one layer", "none"])
def test_the_drawing_names_every_layer_and_the_total(rows: list[dict[str, Any]]) -> None:
    texts = [text.get_text() for text in network(rows, [None, 28, 28, 1]).axes[0].texts]
    assert "28 × 28 × 1" in texts
    for row in rows:
        assert description(row) in texts
        assert shape(row) in texts
        assert (f"{row['parameters']:,}" if row["parameters"] else "–") in texts
    assert texts[-1] == f"total {sum(row['parameters'] for row in rows):,}"
    assert texts.count("") == len(rows), "one arrow into each layer"


def test_a_residual_network_is_drawn_with_its_shortcuts() -> None:
    rows = rows_of("resnet")
    axes = network(rows, [None, 28, 28, 1]).axes[0]
    texts = [text.get_text() for text in axes.texts]
    assert texts.count("Conv2D 3×3, BN, ReLU") == 7
    assert texts.count("Input") == 1
    assert texts[-1] == "total 464,810"
    assert texts.count("") == len(blocks(rows)) + 2, "one arrow into each block, and one more into each of two sums"
    right_edge = max(box.get_x() + box.get_width() for box in axes.patches if isinstance(box, FancyBboxPatch))
    paths = [(*path[:, 0][[0, 1]], (path[-1, 1] - path[0, 1]) / ROW) for path in (np.asarray(line.get_xydata()) for line in axes.lines)]
    # past two blocks, into the one that adds what came in to what they made of it
    assert paths == [pytest.approx((right_edge, WIDTH - 0.1, 3), abs=0.06)] * 2


def test_shortcuts_that_cross_run_beside_each_other() -> None:
    rows = [{**row, "inputs": [before["name"]]} for before, row in itertools.pairwise(ROWS)]
    rows[3]["inputs"] = ["d", "b"]
    rows[4]["inputs"] = ["e", "c"]
    lines = network([ROWS[0], *rows], [None, 28, 28, 1]).axes[0].lines
    assert len({np.asarray(line.get_xydata())[:, 0].max() for line in lines}) == len(lines) == 2


@pytest.mark.parametrize("layers", ["ann", "cnn", "resnet", "any"])
def test_nothing_in_the_drawing_overlaps_or_is_cut_off(layers: str) -> None:
    figure = network(rows_of(layers), [None, 28, 28, 1])
    boxes = _extents(figure)
    for index, box in enumerate(boxes):
        assert 0 <= box.x0 < box.x1 <= figure.bbox.width
        assert 0 <= box.y0 < box.y1 <= figure.bbox.height
        assert not any(box.overlaps(other) for other in boxes[index + 1 :])


def _extents(figure: Figure) -> list[Any]:
    canvas: Any = FigureCanvasAgg(figure)  # matplotlib leaves the method untyped
    renderer = canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in figure.axes[0].texts if text.get_text()]

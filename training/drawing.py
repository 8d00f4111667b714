"""A drawing of any sequential network: one box a layer, and a sketch of the tensor that leaves it."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

WIDTH = 4.8
"""Inches, as every figure of the report; one data unit of the drawing is one inch too."""
ROW = 0.44
BOX_HEIGHT = 0.31
BOX_LEFT, BOX_RIGHT = 0.86, WIDTH - 0.06
SHAPE_CENTRE = 3.2
SKETCH_CENTRE = 0.42
SKETCH = 0.34
"""Side of the sketch's largest square, or length of half its longest bar."""
FONT = 9.5
ROOM = {"layer": 18, "output": 14, "parameters": 10}
"""Characters that fit a column at the normal font size; longer texts are set smaller."""

INK = "#1b1f24"
MUTED = "#57606a"
WEIGHTS = "#d6e6f5"
EDGE = "#0072b2"


def network(layers: list[dict[str, Any]], input_shape: list[int | None]) -> Figure:
    """Draw the card's `layers` from top to bottom.

    Args:
        layers: Rows with `type`, `output_shape` (batch first), `parameters`, and, where the layer has
            them, `activation`, `kernel_size`, `pool_size` and `rate`.
        input_shape: The tensor that enters the first layer, batch first.
    """
    rows = [{"type": "Input", "output_shape": input_shape, "parameters": 0}, *layers]
    height = ROW * (len(rows) + 2)
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    header = ROW / 2
    axes.text(SKETCH_CENTRE, header, "sketch", ha="center", va="center", size=FONT, color=MUTED)
    axes.text(BOX_LEFT + 0.1, header, "layer", va="center", size=FONT, color=MUTED)
    axes.text(SHAPE_CENTRE, header, "output", ha="center", va="center", size=FONT, color=MUTED)
    axes.text(BOX_RIGHT - 0.1, header, "parameters", ha="right", va="center", size=FONT, color=MUTED)
    largest = _largest(rows)
    for index, row in enumerate(rows):
        middle = ROW * (index + 1.5)
        if index:
            _arrow(axes, middle - ROW + BOX_HEIGHT / 2, middle - BOX_HEIGHT / 2)
        _box(axes, row, middle)
        _sketch(axes, _dimensions(row), middle, largest)
    total = sum(row["parameters"] for row in layers)
    axes.text(BOX_RIGHT - 0.1, height - ROW / 2, f"total {total:,}", ha="right", va="center", size=FONT, weight="bold", color=INK)
    return figure


def description(row: dict[str, Any]) -> str:
    """The layer's type and what sets it apart, such as "Conv2D 3×3 relu"."""
    sizes = ["×".join(map(str, row[key])) for key in ("kernel_size", "pool_size") if key in row]
    settings = [str(row[key]) for key in ("rate", "activation") if key in row and row[key] != "linear"]
    return " ".join([row["type"], *sizes, *settings])


def shape(row: dict[str, Any]) -> str:
    """The output shape of one image, such as "26 × 26 × 16"; "?" stands for a size that is not fixed."""
    return " × ".join("?" if size is None else f"{size:,}" for size in row["output_shape"][1:]) or "scalar"


def _box(axes: Axes, row: dict[str, Any], middle: float) -> None:
    trained = row["parameters"] > 0
    axes.add_patch(
        FancyBboxPatch(
            (BOX_LEFT, middle - BOX_HEIGHT / 2),
            BOX_RIGHT - BOX_LEFT,
            BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=WEIGHTS if trained else "white",
            edgecolor=EDGE if trained else MUTED,
            linewidth=1.1,
            linestyle="-" if trained else (0, (4, 2)),
        )
    )
    style: dict[str, Any] = {"va": "center", "color": INK}
    layer, output, parameters = description(row), shape(row), f"{row['parameters']:,}" if trained else "–"
    axes.text(BOX_LEFT + 0.1, middle, layer, size=_size(layer, "layer"), weight="bold" if trained else "normal", **style)
    axes.text(SHAPE_CENTRE, middle, output, size=_size(output, "output"), ha="center", **style)
    axes.text(BOX_RIGHT - 0.1, middle, parameters, size=_size(parameters, "parameters"), ha="right", **style)


def _size(text: str, column: str) -> float:
    return FONT * min(1, ROOM[column] / len(text))


def _arrow(axes: Axes, start: float, end: float) -> None:
    centre = (BOX_LEFT + BOX_RIGHT) / 2
    axes.annotate(
        "", (centre, end), (centre, start), arrowprops={"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}
    )


def _dimensions(row: dict[str, Any]) -> list[int]:
    return [size or 1 for size in row["output_shape"][1:]] or [1]


def _largest(rows: list[dict[str, Any]]) -> tuple[int, int]:
    """The longest side of a map and the most units of a vector: what fills the sketch's place."""
    sides = [max(dimensions[:2]) for dimensions in map(_dimensions, rows) if len(dimensions) > 1]
    units = [dimensions[0] for dimensions in map(_dimensions, rows) if len(dimensions) == 1]
    return max(sides, default=1), max(units, default=1)


def _sketch(axes: Axes, dimensions: list[int], middle: float, largest: tuple[int, int]) -> None:
    """Maps as a pile of sheets, to scale in height and width, with more sheets for more channels; a vector as a bar."""
    style: dict[str, Any] = {"facecolor": WEIGHTS, "edgecolor": INK, "linewidth": 0.7}
    if len(dimensions) == 1:
        # by the square root: 10 units stay visible beside 784
        length = max(2 * SKETCH * math.sqrt(dimensions[0] / largest[1]), 0.04)
        axes.add_patch(Rectangle((SKETCH_CENTRE - length / 2, middle - 0.05), length, 0.1, **style))
        return
    height, width = (max(SKETCH * side / largest[0], 0.04) for side in dimensions[:2])
    sheets = 1 + round(math.log2(math.prod(dimensions[2:])) * 0.7)
    shift = 0.04
    spread = shift * (sheets - 1)
    for sheet in range(sheets):
        x = SKETCH_CENTRE - (width + spread) / 2 + spread - shift * sheet
        y = middle - height / 2 + shift * 0.4 * (sheet - (sheets - 1) / 2)
        axes.add_patch(Rectangle((x, y), width, height, **style))

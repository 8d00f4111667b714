"""A drawing of a network: one box a block of layers, a sketch of the tensor that leaves it, and the shortcuts past others."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from training.pages.blocks import blocks
from training.pages.canvas import BLUE, INK, MUTED, WIDTH

# One data unit of the drawing is one inch.
ROW = 0.44
BOX_HEIGHT = 0.31
BOX_LEFT, RIGHT = 0.86, WIDTH - 0.06
LANE = 0.15
"""Room for a shortcut beside the boxes."""
SHAPE_CENTRE = 3.2
SKETCH_CENTRE = 0.42
SKETCH = 0.34
"""Side of the sketch's largest square, or length of half its longest bar."""
FONT = 9.5
ROOM = {"layer": 18, "output": 14, "parameters": 10}
"""Characters that fit a column at the normal font size; longer texts are set smaller."""

WEIGHTS = "#d6e6f5"
ARROW = {"arrowstyle": "-|>", "color": INK, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}


def network(layers: list[dict[str, Any]], input_shape: list[int | None]) -> Figure:
    """Draw the card's `layers` from top to bottom.

    Args:
        layers: Rows with `name`, `type`, `output_shape` (batch first), `parameters`, and, where the layer has
            them, `activation`, `kernel_size`, `pool_size`, `rate`, and `inputs`, the names of the layers it reads.
        input_shape: The tensor that enters the first layer, batch first.
    """
    rows = [{"type": "Input", "output_shape": input_shape, "parameters": 0, "inputs": []}, *blocks(layers)]
    height = ROW * (len(rows) + 2)
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    lanes = _lanes([(read + 1, index) for index, row in enumerate(rows) for read in row["inputs"] if read + 2 != index])
    edge = RIGHT - LANE * (1 + max(lanes.values(), default=-1))
    header = ROW / 2
    axes.text(SKETCH_CENTRE, header, "sketch", ha="center", va="center", size=FONT, color=MUTED)
    axes.text(BOX_LEFT + 0.1, header, "layer", va="center", size=FONT, color=MUTED)
    axes.text(SHAPE_CENTRE, header, "output", ha="center", va="center", size=FONT, color=MUTED)
    axes.text(edge - 0.1, header, "parameters", ha="right", va="center", size=FONT, color=MUTED)
    largest = _largest(rows)
    for index, row in enumerate(rows):
        middle = _middle(index)
        if index - 2 in row["inputs"]:
            _arrow(axes, middle - ROW + BOX_HEIGHT / 2, middle - BOX_HEIGHT / 2, edge)
        _box(axes, row, middle, edge)
        _sketch(axes, _dimensions(row), middle, largest)
    for (start, end), lane in lanes.items():
        _shortcut(axes, _middle(start), _middle(end), edge, edge + LANE * (lane + 0.75))
    total = sum(row["parameters"] for row in layers)
    axes.text(edge - 0.1, height - ROW / 2, f"total {total:,}", ha="right", va="center", size=FONT, weight="bold", color=INK)
    return figure


def description(row: dict[str, Any]) -> str:
    """The layer's type and what sets it apart, such as "Conv2D 3×3 relu"; a block's further layers follow."""
    sizes = ["×".join(map(str, row[key])) for key in ("kernel_size", "pool_size") if key in row]
    settings = [str(row[key]) for key in ("rate", "activation") if key in row and row[key] != "linear"]
    return ", ".join([" ".join([row["type"], *sizes, *settings]), *row.get("finish", [])])


def shape(row: dict[str, Any]) -> str:
    """The output shape of one image, such as "26 × 26 × 16"; "?" stands for a size that is not fixed."""
    return " × ".join("?" if size is None else f"{size:,}" for size in row["output_shape"][1:]) or "scalar"


def _middle(index: int) -> float:
    return ROW * (index + 1.5)


def _box(axes: Axes, row: dict[str, Any], middle: float, edge: float) -> None:
    trained = row["parameters"] > 0
    axes.add_patch(
        FancyBboxPatch(
            (BOX_LEFT, middle - BOX_HEIGHT / 2),
            edge - BOX_LEFT,
            BOX_HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.06",
            facecolor=WEIGHTS if trained else "white",
            edgecolor=BLUE if trained else MUTED,
            linewidth=1.1,
            linestyle="-" if trained else (0, (4, 2)),
        )
    )
    style: dict[str, Any] = {"va": "center", "color": INK}
    layer, output, parameters = description(row), shape(row), f"{row['parameters']:,}" if trained else "–"
    axes.text(BOX_LEFT + 0.1, middle, layer, size=_size(layer, "layer"), weight="bold" if trained else "normal", **style)
    axes.text(SHAPE_CENTRE, middle, output, size=_size(output, "output"), ha="center", **style)
    axes.text(edge - 0.1, middle, parameters, size=_size(parameters, "parameters"), ha="right", **style)


def _size(text: str, column: str) -> float:
    return FONT * min(1, ROOM[column] / len(text))


def _arrow(axes: Axes, start: float, end: float, edge: float) -> None:
    centre = (BOX_LEFT + edge) / 2
    axes.annotate("", (centre, end), (centre, start), arrowprops=ARROW)


def _shortcut(axes: Axes, start: float, end: float, edge: float, lane: float) -> None:
    axes.plot([edge, lane, lane], [start, start, end], color=INK, linewidth=1)
    axes.annotate("", (edge, end), (lane, end), arrowprops=ARROW)


def _lanes(shortcuts: list[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The lane of each shortcut, from row to row, so that none runs over another."""
    lanes: dict[tuple[int, int], int] = {}
    for start, end in sorted(shortcuts):
        taken = {lane for (_, other_end), lane in lanes.items() if other_end > start}
        lanes[start, end] = next(lane for lane in range(len(shortcuts)) if lane not in taken)
    return lanes


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

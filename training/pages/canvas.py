"""What every figure shares: its width, letters and colours, and the file it becomes."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from matplotlib.figure import Figure
from PIL import Image

Subject = TypeVar("Subject")
DPI = 150
WIDTH = 4.8
"""Inches: 720 pixels, so that 10-point letters are still read where a phone shrinks the figure to its width."""
PALETTE = 128
"""Colours of a file: enough for smooth letters and 28x28 pictures at a third of the size."""
SMALL = 9
"""Points: the smallest letters of a figure."""

# Okabe and Ito's colours that stand out from white; told apart by dashes, marks or words as well.
BLUE, VERMILION, GREEN, PURPLE, BLACK = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000"
INK, MUTED, LINE = "#1b1f24", "#57606a", "#d8dee4"
STYLE = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same letters on every machine
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.labelsize": 10,
    "legend.fontsize": 9.5,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": LINE,
    "axes.axisbelow": True,
}


@dataclass(frozen=True)
class Plot(Generic[Subject]):
    """One figure: its title, what it shows to who can't see it, how to read it, and how it is drawn."""

    title: str
    alt: str
    caption: str
    drawn: Callable[[Subject], Figure]


class Look(NamedTuple):
    """How one series is drawn."""

    colour: str
    mark: str
    dashes: Any


LOOKS = (
    Look(BLUE, "o", "-"),
    Look(VERMILION, "s", (0, (5, 1.5))),
    Look(GREEN, "^", (0, (1.5, 1.2))),
    Look(PURPLE, "D", (0, (5, 1.2, 1.2, 1.2))),
    Look(BLACK, "v", "-"),
    Look(MUTED, "P", (0, (3, 1.2))),
)


def look(index: int) -> Look:
    """Of the series number `index`, from 0; after six they repeat."""
    return LOOKS[index % len(LOOKS)]


def figure(height: float) -> Figure:
    """An empty figure `height` inches high."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def png(drawn: Figure) -> bytes:
    """The figure as a PNG with a palette; the same figure gives the same bytes."""
    full = io.BytesIO()
    drawn.savefig(full, format="png", dpi=DPI, facecolor="white")
    image = Image.open(full).convert("RGB")
    small = io.BytesIO()
    # by coverage, not by number of pixels: thin lines keep their colours beside large white grounds
    palette = image.quantize(PALETTE, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    palette.save(small, format="png", optimize=True)
    return small.getvalue()

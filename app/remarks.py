"""The warnings of an answer: a sentence for who asked, and its kind for who counts."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["blank", "bright_border", "unfamiliar", "near_tie", "several_pictures"]


class Remark(NamedTuple):
    """One warning."""

    kind: Kind
    sentence: str

"""Six digits: more than 10,000 images can tell apart, and the same on every machine."""

from __future__ import annotations

from typing import Any

DIGITS = 6
SMALL = 1e-3
"""Below this, three significant digits instead: a p-value is not 0."""


def rounded(content: Any) -> Any:
    """The same content, however nested, with every float rounded; NumPy's numbers become Python's."""
    if isinstance(content, dict):
        return {key: rounded(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [rounded(value) for value in content]
    if hasattr(content, "item"):
        content = content.item()
    if not isinstance(content, float):
        return content
    return round(content, DIGITS) if abs(content) >= SMALL else float(f"{content:.3g}")

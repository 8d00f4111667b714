"""What both pages are made with: the templates, the figures inside them, and numbers as a person reads them."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image

SMALLEST_P = 0.0001


def page(template: str, **content: Any) -> str:
    """Fill a template of this folder; a name that it uses and `content` lacks is an error, and text can't become markup."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        percent=percent, between=between, points=points, signed=signed, duration=duration, p_value=p_value, count=count, listed=listed
    )
    return environment.get_template(template).render(**content)


def embedded(content: bytes, title: str, alt: str, caption: str) -> dict[str, Any]:
    """A PNG for the macro `figure`: its words, its size in pixels and itself as a data URI."""
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
    uri = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    return {"title": title, "alt": alt, "caption": caption, "width": width, "height": height, "uri": uri}


def percent(share: float, digits: int = 2) -> str:
    """0.9138 as "91.38%": one test image in 10,000 shows."""
    return f"{100 * share:.{digits}f}%"


def between(interval: dict[str, float], form: str = "percent") -> str:
    """The ends of an interval, such as "90.52 to 91.63%", or with a number format such as "%.3f"."""
    if form == "percent":
        return f"{100 * interval['low']:.2f} to {percent(interval['high'])}"
    return f"{form % interval['low']} to {form % interval['high']}"


def points(share: float) -> str:
    """A difference of two shares in percentage points, such as "+0.99"."""
    return signed(100 * share, "{:.2f}")


def signed(difference: float, form: str) -> str:
    """A difference with its sign, a real minus sign, and no sign where nothing but zeros would follow it."""
    digits = form.format(abs(difference))
    if not digits.strip("0.,"):
        return digits
    return ("+" if difference > 0 else "\N{MINUS SIGN}") + digits


def duration(seconds: float) -> str:
    """Seconds as a person says them, such as "12 min 3 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def p_value(p: float) -> str:
    """Four digits: what is less says no more."""
    return f"< {SMALLEST_P}" if p < SMALLEST_P else f"{p:.4f}"


def count(number: int) -> str:
    """10000 as "10,000"."""
    return f"{number:,}"


def listed(names: list[str]) -> str:
    """Names in a sentence, such as "Coat, Shirt and Bag"."""
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))

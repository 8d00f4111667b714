"""Numbers as a person reads them, and templates that neither hide a gap nor let text become markup."""

from __future__ import annotations

import base64
import io

import pytest
from jinja2 import UndefinedError
from PIL import Image

from training.pages.html import between, count, duration, embedded, listed, p_value, page, percent, points, signed

MINUS = "\N{MINUS SIGN}"


@pytest.mark.parametrize(
    ("difference", "form", "text"),
    [
        (0.012, "{:.2f}", "+0.01"),
        (-0.0149, "{:.2f}", f"{MINUS}0.01"),
        (-0.004, "{:.2f}", "0.00"),
        (0, "{:,}", "0"),
        (-1241, "{:,}", f"{MINUS}1,241"),
    ],
)
def test_a_difference_has_a_sign_unless_it_is_nothing(difference: float, form: str, text: str) -> None:
    assert signed(difference, form) == text


@pytest.mark.parametrize(("seconds", "text"), [(9.4, "9 s"), (59.6, "1 min 0 s"), (3725.0, "62 min 5 s")])
def test_a_duration_is_said_in_minutes_and_seconds(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_shares_and_intervals_are_said_in_percent_or_a_format_of_choice() -> None:
    interval = {"value": 0.9108, "low": 0.90519, "high": 0.916}
    assert percent(0.9108) == "91.08%"
    assert percent(0.5, 0) == "50%"
    assert between(interval) == "90.52 to 91.60%"
    assert between(interval, "%.3f") == "0.905 to 0.916"
    assert points(-0.0123) == f"{MINUS}1.23"


@pytest.mark.parametrize(("p", "text"), [(1.0, "1.0000"), (0.0301, "0.0301"), (0.0001, "0.0001"), (0.00009, "< 0.0001"), (0.0, "< 0.0001")])
def test_a_tiny_p_value_is_only_said_to_be_tiny(p: float, text: str) -> None:
    assert p_value(p) == text


@pytest.mark.parametrize(("names", "text"), [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")])
def test_names_are_joined_as_in_a_sentence(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_thousands_are_parted() -> None:
    assert count(69834) == "69,834"


def test_a_picture_is_embedded_with_its_size() -> None:
    content = io.BytesIO()
    Image.new("L", (3, 2)).save(content, "png")
    picture = embedded(content.getvalue(), "title", "alt", "caption")
    assert (picture["width"], picture["height"], picture["alt"]) == (3, 2, "alt")
    head, data = picture["uri"].split(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(data) == content.getvalue()


def test_a_missing_fact_is_an_error_not_a_gap() -> None:
    with pytest.raises(UndefinedError, match="undefined"):
        page("page.html.j2")

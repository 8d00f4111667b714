"""Whether a client of `/metrics` is a Prometheus, by its `Accept` header (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from typing import NamedTuple

FORMATS = {
    "application/openmetrics-text": frozenset({"", "1.0.0"}),
    "text/plain": frozenset({"", "0.0.4", "1.0.0"}),
}
"""Of Prometheus's formats those that there are, and their versions. Browsers and curl name neither."""
JSON = ("application/json", "application/*", "*/*")


class _Range(NamedTuple):
    media_type: str
    version: str
    quality: float
    text: str


def preferred_format(accept: str) -> str:
    """The most welcome of the Prometheus formats that the header names, with its parameters; empty where it names none."""
    return next((each.text for each in _named(_ranges(accept))), "")


def prefers_prometheus(accept: str) -> bool:
    """Whether a Prometheus format is named and more welcome than JSON: where both are equally so, as in `axios`'s header, JSON it is."""
    ranges = _ranges(accept)
    return any(each.quality > _json_quality(ranges) for each in _named(ranges))


def _named(ranges: list[_Range]) -> list[_Range]:
    named = [each for each in ranges if each.quality > 0 and each.version in FORMATS.get(each.media_type, ())]
    return sorted(named, key=lambda each: -each.quality)


def _json_quality(ranges: list[_Range]) -> float:
    """The most specific range that covers JSON says how welcome it is."""
    for media_type in JSON:
        if given := [each.quality for each in ranges if each.media_type == media_type]:
            return max(given)
    return 0.0


def _ranges(accept: str) -> list[_Range]:
    found = []
    for text in accept.lower().split(","):
        media_type, *rest = (each.strip() for each in text.split(";"))
        parameters = {name.strip(): value.strip() for name, _, value in (each.partition("=") for each in rest)}
        found.append(_Range(media_type, parameters.get("version", ""), _quality(parameters.get("q", "1")), text.strip()))
    return found


def _quality(text: str) -> float:
    """A weight, 0 to 1; a range whose weight can't be read is as good as not there."""
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0 <= value <= 1 else 0.0

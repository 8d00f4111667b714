"""What an image file is put together of: one of more parts than images have would keep a thread busy for minutes, and is refused.

A few bytes can ask for much work, again and again in one small file: a PNG's compressed text or profile unpacks to a megabyte, which
takes 4 ms, and a JPEG's scan goes over every pixel of the image, 90 ms for 50 megapixels. Pillow and libjpeg limit neither's number.
"""

from __future__ import annotations

import re

from app.errors import UnprocessableImageError

MOST_PARTS = 20_000
"""PNG chunks, or JPEG segments before the pixels; a photo of 16 MB in libpng's pieces of 8 kB has 2,000."""
MOST_PACKED = 64
"""A PNG's compressed texts and profiles; common tools write one to five."""
MOST_SCANS = 32
"""Of a progressive JPEG; common encoders write ten."""

_PACKED = frozenset({b"iCCP", b"zTXt", b"iTXt"})
_SOS, _EOI = 0xDA, 0xD9
_BARE = frozenset({0x00, 0x01, 0xD8, *range(0xD0, 0xD8)})
"""JPEG codes without a length behind them: a stuffed zero, and markers that stand alone."""
_FILLED = re.compile(b"\xff+")


def is_packed(data: bytes) -> bool:
    """Whether the file may have compressed texts or profiles."""
    return b"iCCP" in data or b"zTXt" in data or b"iTXt" in data


def refuse_many(image_format: str, data: bytes) -> None:
    """See that the file has no more parts than images have.

    Raises:
        UnprocessableImageError: It does.
    """
    if image_format == "PNG":
        _refuse_many_chunks(data)
    elif image_format == "JPEG":
        _refuse_many_segments(data)


def _refuse_many_chunks(data: bytes) -> None:
    position, parts, packed = 8, 0, 0
    while position + 8 <= len(data) and (kind := data[position + 4 : position + 8]) != b"IEND":
        parts += 1
        packed += kind in _PACKED
        if parts > MOST_PARTS:
            raise _too_many("PNG", MOST_PARTS, "chunks")
        if packed > MOST_PACKED:
            raise _too_many("PNG", MOST_PACKED, "compressed texts and profiles")
        position += 12 + int.from_bytes(data[position : position + 4], "big")


def _refuse_many_segments(data: bytes) -> None:
    position, parts, scans = 2, 0, 0
    while (found := data.find(b"\xff", position)) >= 0:
        code_at = found + 1
        if data[code_at : code_at + 1] == b"\xff" and (filled := _FILLED.match(data, code_at)):
            code_at = filled.end()
        if not scans:
            parts += code_at - position  # Pillow looks at every byte between two segments
            if parts > MOST_PARTS:
                raise _too_many("JPEG", MOST_PARTS, "segments")
        code = data[code_at] if code_at < len(data) else _EOI
        position = code_at + 1
        if code == _EOI:
            return
        if code in _BARE:
            continue
        position += int.from_bytes(data[position : position + 2], "big")
        if code == _SOS:
            scans += 1
            if scans > MOST_SCANS:
                raise _too_many("JPEG", MOST_SCANS, "scans")
            if scans == 1 and data.count(b"\xff\xda", position) < MOST_SCANS:
                return  # which spares a photo the search for what can't be there


def _too_many(image_format: str, most: int, parts: str) -> UnprocessableImageError:
    return UnprocessableImageError(f"The {image_format} file has more than {most:,} {parts}: save the image anew.")

"""Content codings of request and answer bodies: gzip and deflate (RFC 9110, section 8.4.1)."""

from __future__ import annotations

import re
import zlib

from app.errors import BodyTooLargeError, MalformedRequestError, shown

_WINDOW = {"gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}
_REFUSED = re.compile(r"q=0(\.0{0,3})?")
LEVEL = 1
"""Of compression: probabilities hardly shrink further at higher ones, which take several times as long."""


def decompressed(content: bytes, coding: str, at_most: int) -> bytes:
    """The body that a client compressed.

    Raises:
        MalformedRequestError: The coding is unknown, or the content is damaged or goes on behind its end.
        BodyTooLargeError: It has more than `at_most` bytes.
    """
    if coding not in _WINDOW:
        raise MalformedRequestError(f"The content encoding {shown(coding)} is unknown: use {' or '.join(_WINDOW)}, or none.")
    decoder = zlib.decompressobj(_WINDOW[coding])
    try:
        body = decoder.decompress(content, at_most + 1)
    except zlib.error as error:
        raise MalformedRequestError(f"The body is not the {coding} that its content encoding says: {error}.") from None
    if len(body) > at_most:
        raise BodyTooLargeError(f"The body is larger than {at_most:,} bytes when it is decompressed: send fewer images at once.")
    if not decoder.eof or decoder.unused_data:
        raise MalformedRequestError(f"The {coding} body {'goes on behind its end' if decoder.eof else 'is cut short'}: send it whole.")
    return body


def compressed(content: bytes, coding: str) -> bytes:
    """The content in `gzip` or `deflate`."""
    encoder = zlib.compressobj(LEVEL, wbits=_WINDOW[coding])
    return encoder.compress(content) + encoder.flush()


def accepted(header: str) -> str | None:
    """The first coding of an `Accept-Encoding` that can be had, or None."""
    for each in header.split(","):
        name, _, weight = each.replace(" ", "").lower().partition(";")
        if name in _WINDOW and not _REFUSED.fullmatch(weight):
            return name
    return None

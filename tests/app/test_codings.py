from __future__ import annotations

import gzip
import zlib

import pytest

from app import codings
from app.errors import BodyTooLargeError, MalformedRequestError

CONTENT = bytes(range(256)) * 40
GZIP, DEFLATE = gzip.compress(CONTENT), zlib.compress(CONTENT)


def test_other_programs_read_it_and_it_reads_theirs() -> None:
    assert codings.decompressed(GZIP, "gzip", len(CONTENT)) == codings.decompressed(DEFLATE, "deflate", len(CONTENT)) == CONTENT
    assert gzip.decompress(codings.compressed(CONTENT, "gzip")) == zlib.decompress(codings.compressed(CONTENT, "deflate")) == CONTENT


@pytest.mark.parametrize(
    ("content", "coding", "words"),
    [
        (GZIP, "br", "'br' is unknown: use gzip or deflate"),
        (GZIP, "", "'' is unknown"),
        (DEFLATE, "gzip", "is not the gzip"),
        (GZIP, "deflate", "is not the deflate"),
        (b"", "gzip", "cut short"),
        (GZIP[:-1], "gzip", "cut short"),
        (GZIP + b"x", "gzip", "goes on behind its end"),
        (GZIP[:20] + b"\xff" * 9 + GZIP[29:], "gzip", "is not the gzip"),
    ],
)
def test_a_damaged_body(content: bytes, coding: str, words: str) -> None:
    with pytest.raises(MalformedRequestError, match=words):
        codings.decompressed(content, coding, len(CONTENT))


def test_a_bomb_is_not_unpacked() -> None:
    bomb = zlib.compress(bytes(10**8), 9)
    with pytest.raises(BodyTooLargeError, match="larger than 1,000 bytes when it is decompressed"):
        codings.decompressed(bomb, "deflate", 1000)


@pytest.mark.parametrize(
    ("header", "coding"),
    [
        ("", None),
        ("gzip", "gzip"),
        ("deflate, gzip", "deflate"),
        ("br;q=1.0, GZIP ; q=0.5", "gzip"),
        ("gzip;q=0, deflate;q=0.001", "deflate"),
        ("gzip;q=0.000", None),
        ("identity, br, zstd", None),
    ],
)
def test_what_a_client_accepts(header: str, coding: str | None) -> None:
    assert codings.accepted(header) == coding

"""Small intact images of every kind that the service accepts, made from one real picture: what attacks and fuzzers start from."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

from tests import data

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADAM7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))
"""First row, first column, and the steps to the next of each, of the seven passes of an interlaced PNG."""


def boot() -> Image.Image:
    """The first test image, an ankle boot, 28x28 in grey: no symmetry hides a wrong turn."""
    return Image.fromarray(data.load()[0][0, ..., 0])


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    """The bytes of an image file."""
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A PNG's chunk, its checksum right."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def header(width: int, height: int, depth: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    """A PNG's first chunk."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced))


def png(*chunks: bytes) -> bytes:
    """A PNG of these chunks, its signature before and its end behind."""
    return b"".join([PNG_SIGNATURE, *chunks, chunk(b"IEND", b"")])


def interlaced(image: Image.Image) -> bytes:
    """An interlaced PNG of a grey image, which Pillow reads but can't write."""
    pixels = np.asarray(image)
    rows = [
        b"\0" + row.tobytes()
        for top, left, down, right in ADAM7
        for row in pixels[top::down, left::right]
        if row.size  # an empty pass has no rows at all
    ]
    return png(header(*image.size, interlaced=1), chunk(b"IDAT", zlib.compress(b"".join(rows))))


def run_length_bmp(image: Image.Image) -> bytes:
    """A BMP of a grey image, run-length encoded, which Pillow reads but can't write."""
    width, height = image.size
    rows = np.asarray(image)[::-1]
    runs = b"".join(b"".join(bytes([1, level]) for level in row) + b"\0\0" for row in rows) + b"\0\1"
    palette = b"".join(bytes([level, level, level, 0]) for level in range(256))
    offset = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return struct.pack("<2sIHHI", b"BM", offset + len(runs), 0, 0, offset) + info + palette + runs


def pictures() -> dict[str, bytes]:
    """Files by what is particular about them; each shows the boot, in 28x28."""
    grey = boot()
    rgb, other = grey.convert("RGB"), ImageOps.invert(grey)
    transparent = grey.convert("RGBA")
    transparent.putalpha(grey.point(lambda level: 0 if level == 0 else 255))
    exif = Image.Exif()
    exif[0x010E] = "boot"  # described, and not turned
    return {
        "grey.png": encoded(grey, "PNG"),
        "rgb.png": encoded(rgb, "PNG"),
        "palette.png": encoded(rgb.quantize(64), "PNG"),
        "transparent.png": encoded(transparent, "PNG"),
        "16-bit.png": encoded(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257), "PNG"),
        "1-bit.png": encoded(grey.convert("1"), "PNG"),
        "interlaced.png": interlaced(grey),
        "described.png": encoded(grey, "PNG", exif=exif),
        "commented.png": png(
            header(28, 28), chunk(b"zTXt", b"k\0\0" + zlib.compress(b"text")), chunk(b"iTXt", b"k\0\0\0\0\0text"), idat(grey)
        ),
        "profiled.png": png(header(28, 28), chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(128))), idat(grey)),
        "animated.png": encoded(grey, "PNG", save_all=True, append_images=[other]),
        "grey.jpg": encoded(grey, "JPEG", quality=90),
        "progressive.jpg": encoded(rgb, "JPEG", quality=90, progressive=True),
        "cmyk.jpg": encoded(grey.convert("CMYK"), "JPEG", quality=90),
        "described.jpg": encoded(grey, "JPEG", quality=90, exif=exif, comment="boot", icc_profile=bytes(128)),
        "several.jpg": encoded(rgb, "MPO", save_all=True, append_images=[other.convert("RGB")]),
        "lossy.webp": encoded(rgb, "WEBP", quality=90),
        "lossless.webp": encoded(transparent, "WEBP", lossless=True, exif=exif),
        "animated.webp": encoded(rgb, "WEBP", save_all=True, append_images=[other.convert("RGB")], lossless=True),
        "grey.bmp": encoded(grey, "BMP"),
        "rgb.bmp": encoded(rgb, "BMP"),
        "1-bit.bmp": encoded(grey.convert("1"), "BMP"),
        "run-length.bmp": run_length_bmp(grey),
    }


def idat(image: Image.Image) -> bytes:
    """The pixels of a grey image as a PNG's chunk."""
    return chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row.tobytes() for row in np.asarray(image))))

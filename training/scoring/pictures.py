"""One image file's bytes to the pixels that a model sees, by the rules of the service's strict fit; a test holds the two equal."""

from __future__ import annotations

import io
import re
import warnings
from contextlib import suppress

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin

SIDE = 28
PIXELS = SIDE * SIDE
MOST_BYTES = 1024 * 1024
"""Of a file: what 28x28 pixels take with profiles, comments and a preview. It bounds memory, and what a hostile file can have unpacked."""
MOST_PACKED = 64
"""Compressed texts and profiles in a PNG; common tools write one to five."""
MOST_SCANS = 32
"""Of a progressive JPEG; common encoders write ten."""

# The size is read from the header and compared before a pixel is decoded; Pillow's own limit would only warn in between.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_MEMORY = 1024 * 1024
# One file can cause thousands, each other than the last.
warnings.filterwarnings("ignore", module=r"PIL\.")

_SIGNATURES = {
    "PNG": re.compile(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": re.compile(rb"\xff\xd8\xff"),
    "WEBP": re.compile(rb"RIFF.{4}WEBP", re.S),
    "BMP": re.compile(b"BM"),
}
_PACKED = re.compile(rb"iCCP|zTXt|iTXt")
_SCAN = b"\xff\xda"


class PictureError(Exception):
    """An image that can't be used; the message is a sentence for its row."""


def decode(data: bytes) -> bytes:
    """The 784 grey pixels of a 28x28 PNG, JPEG, WebP or BMP, row by row, 0-255.

    Of several pictures in a file the first counts. An EXIF turn is applied. Transparent parts lie on black, the data set's ground.

    Raises:
        PictureError: It is none of these, damaged, of another size, or larger than `MOST_BYTES`.
    """
    image_format = format_of(data)
    if image_format is None:
        raise PictureError(
            f"It is not a PNG, JPEG, WebP or BMP image: it begins with the bytes {data[:8].hex(' ')}." if data else "It is empty."
        )
    if len(data) > MOST_BYTES:
        raise PictureError(f"It has more than {MOST_BYTES:,} bytes, which no {SIDE}x{SIDE} image needs: save it anew.")
    if image_format == "PNG" and len(_PACKED.findall(data)) > MOST_PACKED:
        raise PictureError(f"The PNG file has more than {MOST_PACKED} compressed texts and profiles: save it anew.")
    if image_format == "JPEG" and data.count(_SCAN) > MOST_SCANS:
        raise PictureError(f"The JPEG file has more than {MOST_SCANS} scans: save it anew.")
    try:
        with Image.open(io.BytesIO(data), formats=(image_format,)) as image:
            return _pixels(image)
    except PictureError:
        raise
    except Exception as error:  # Pillow's plugins raise far more than they document: ValueError, struct.error, SyntaxError, …
        raise PictureError(f"The {image_format} image can't be decoded ({error}): it is damaged or cut short.") from error


def format_of(data: bytes) -> str | None:
    """PNG, JPEG, WEBP or BMP by the signature, whatever the file is called; None for anything else."""
    return next((image_format for image_format, signature in _SIGNATURES.items() if signature.match(data)), None)


def _pixels(image: Image.Image) -> bytes:
    if image.size != (SIDE, SIDE):
        raise PictureError(f"The image is {image.width}x{image.height} and must be {SIDE}x{SIDE}: resize it.")
    image.load()  # a PNG may have its EXIF data after its pixels
    if image.info:  # else there is no EXIF data, and asking for it would take longer than decoding
        with suppress(Exception):  # damaged EXIF data raises anything; the pixels are good all the same
            image = ImageOps.exif_transpose(image)
    return _grey(image).tobytes()


def _grey(image: Image.Image) -> Image.Image:
    """Any of Pillow's modes to 8-bit grey."""
    if image.mode == "L" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip instead of scale
        levels = np.asarray(image)
        grey = (levels >> 8).astype(np.uint8)
        if (transparent := image.info.get("transparency")) is not None:
            grey[levels == transparent] = 0
        return Image.fromarray(grey)
    if image.has_transparency_data:
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image.convert("RGBA")).convert("L")
    return image.convert("RGB").convert("L") if image.mode in ("P", "CMYK") else image.convert("L")

"""Bytes of an uploaded image to what a model sees: uint8 `(28, 28)`, light garment on dark ground."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from app.errors import RequestError, UnprocessableImageError, UnsupportedTypeError
from app.file_parts import is_packed, refuse_many
from app.garment import SIDE, Watch, garment
from app.grey import BLACK, to_grey
from app.orientation import upright
from app.remarks import Remark

ACCEPTED = "PNG, JPEG, WebP or BMP"

Fit = Literal["strict", "garment"]
Pixels = npt.NDArray[np.uint8]

# Sizes are checked against the `max_pixels` setting as soon as the header is read, before any pixel is decoded;
# Pillow's own limit would only warn in between.
Image.MAX_IMAGE_PIXELS = None
# Pillow unpacks up to 64 MB of a PNG's comments before anyone asks for them.
PngImagePlugin.MAX_TEXT_MEMORY = 1024 * 1024
# One file can cause thousands, each other than the last, and each would be a line in the log.
warnings.filterwarnings("ignore", module=r"PIL\.")
SMALL_BYTES = 4096
"""A plain 28x28 image of any accepted format; what is longer carries comments, profiles or a photo, which take time to unpack."""


@dataclass(frozen=True)
class Picture:
    """`pixels` is uint8 `(28, 28)`; `remarks` are about the file it came from."""

    pixels: Pixels
    remarks: tuple[Remark, ...] = ()


def decode(data: bytes, fit: Fit, max_pixels: int, watch: Watch | None = None) -> Picture:
    """Decode an upload.

    `strict` takes a 28x28 image as it is; `garment` makes one from any photo. Of an animated or multi-picture file the
    first picture counts. An EXIF turn is applied. Transparent parts lie on black (`strict`, the data set's ground) or on
    white (`garment`, a product photo's). `watch` is shown the steps of `garment`.

    Raises:
        UnsupportedTypeError: The bytes are not PNG, JPEG, WebP or BMP.
        UnprocessableImageError: The image is damaged, not 28x28 (`strict`), of too many parts, or has more than `max_pixels`.
    """
    image_format = _format_of(data)
    refuse_many(image_format, data)
    try:
        with Image.open(io.BytesIO(data), formats=[image_format]) as image:
            return _converted(image, fit, max_pixels, watch)
    except RequestError:
        raise
    except UnidentifiedImageError as error:
        raise UnprocessableImageError(f"The upload begins like a {image_format} image but has no whole header: it is cut short.") from error
    except Exception as error:  # Pillow's plugins raise far more than they document: ValueError, struct.error, SyntaxError, …
        raise UnprocessableImageError(f"The {image_format} image can't be decoded ({error}): it is damaged or cut short.") from error


def is_small(data: bytes, fit: Fit) -> bool:
    """Whether decoding is quick enough for the event loop; `strict` decodes only 28x28, so it is the rest of a file that takes time."""
    return fit == "strict" and len(data) <= SMALL_BYTES and not is_packed(data)


def _converted(image: Image.Image, fit: Fit, max_pixels: int, watch: Watch | None) -> Picture:
    width, height = image.size
    if width * height > max_pixels:
        raise UnprocessableImageError(f"The image is {width}x{height}, more than {max_pixels:,} pixels: send a smaller copy.")
    pictures = getattr(image, "n_frames", 1)
    remarks = (Remark("several_pictures", f"The file holds {pictures} pictures: only the first was classified."),) if pictures > 1 else ()
    if fit == "garment":
        return Picture(garment(image, watch), remarks)
    if image.size != (SIDE, SIDE):
        raise UnprocessableImageError(
            f"The image is {width}x{height} and must be {SIDE}x{SIDE}: resize it, or add fit=garment to have any photo fitted."
        )
    return Picture(np.asarray(to_grey(upright(image), BLACK), dtype=np.uint8), remarks)


def _format_of(data: bytes) -> str:
    """The format by its signature, whatever the upload calls itself."""
    if not data:
        raise UnprocessableImageError(f"The upload is empty: send the bytes of a {ACCEPTED} image.")
    for image_format, recognised in _SIGNATURES.items():
        if recognised(data):
            return image_format
    raise UnsupportedTypeError(f"The upload is not a {ACCEPTED} image: it begins with the bytes {data[:8].hex(' ')}.")


_SIGNATURES: dict[str, Callable[[bytes], bool]] = {
    "PNG": lambda data: data.startswith(b"\x89PNG\r\n\x1a\n"),
    "JPEG": lambda data: data.startswith(b"\xff\xd8\xff"),
    "WEBP": lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP",
    "BMP": lambda data: data.startswith(b"BM"),
}

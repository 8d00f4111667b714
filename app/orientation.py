"""The EXIF turn, as every viewer applies it."""

from __future__ import annotations

from PIL import Image, ImageOps


def upright(image: Image.Image) -> Image.Image:
    """Turn and mirror the image as its EXIF orientation says; an image whose EXIF data can't be read stays as it is."""
    image.load()  # a PNG may have them after its pixels
    if not image.info:
        return image  # with no data of any kind: asking Pillow for the EXIF ones would take longer than decoding a small image
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # damaged EXIF data raises anything from struct.error to SyntaxError; the pixels are good all the same
        return image

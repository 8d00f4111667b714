"""Any of Pillow's modes to 8-bit grey."""

from __future__ import annotations

import numpy as np
from PIL import Image

BLACK, WHITE = 0, 255


def to_grey(image: Image.Image, background: int) -> Image.Image:
    """Any Pillow mode to 8-bit grey (`L`), transparent parts over `background`."""
    if image.mode == "L" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion would clip instead of scale
        levels = np.asarray(image)
        grey = (levels >> 8).astype(np.uint8)
        if (transparent := image.info.get("transparency")) is not None:
            grey[levels == transparent] = background
        return Image.fromarray(grey)
    if image.has_transparency_data:
        layers = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (background,) * 3 + (255,)), layers).convert("L")
    return image.convert("RGB").convert("L") if image.mode in ("P", "CMYK") else image.convert("L")

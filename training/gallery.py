"""The page's gallery, ten test images of each class: `python -m training.gallery app/web/static/gallery.png`.

They are the first ten of each class in the test set's order, a class to a row: nobody chose them, so some are hard.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from training.data import LABELS, load
from training.mistakes import sprite

EACH = 10


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(prog="python -m training.gallery", description=__doc__)
    parser.add_argument("path", type=Path, help="the PNG to write")
    path: Path = parser.parse_args().path
    data = load()
    chosen = np.concatenate([np.flatnonzero(data.test_labels == label)[:EACH] for label in range(len(LABELS))])
    sprite(data.test_images[chosen], EACH).save(path, "PNG", optimize=True)


if __name__ == "__main__":
    main()

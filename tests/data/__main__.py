from __future__ import annotations

import numpy as np
from PIL import Image

from tests.data import ARCHIVE, BOOT, COUNT
from training import data

if __name__ == "__main__":
    dataset = data.load()
    np.savez_compressed(ARCHIVE, images=dataset.test_images[:COUNT], labels=dataset.test_labels[:COUNT])
    Image.fromarray(dataset.test_images[0, ..., 0]).save(BOOT)

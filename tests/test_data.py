from __future__ import annotations

import numpy as np
from PIL import Image

from tests import data
from training.data import Dataset


def test_the_sample_is_the_beginning_of_the_test_set(dataset: Dataset) -> None:
    images, labels = data.load()
    assert (images == dataset.test_images[: data.COUNT]).all()
    assert (labels == dataset.test_labels[: data.COUNT]).all()
    assert (np.asarray(Image.open(data.BOOT)) == images[0, ..., 0]).all()

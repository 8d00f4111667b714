"""Whether a probability means what it says: temperature scaling, and the figures that judge it before and after."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

BINS = 15
"""Of the expected calibration error: as many as Guo et al. 2017 have, but with equally many images in each."""
TEMPERATURES = (0.05, 20.0)
"""Searched between these. A trained network needs 1 to 3; only one without a single mistake, or without any merit, comes to an end."""


def temperature(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.integer]) -> float:
    """The T that makes the mean negative log-likelihood of softmax(logits / T) least: above 1 for an overconfident network.

    Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2 (https://arxiv.org/abs/1706.04599). To be
    fitted to images that the weights were not fitted to, whose confidence is not that of images never seen.

    Args:
        logits: float32 `[n, 10]`, as the network gives them.
        labels: integers `[n]`, 0-9.
    """
    # convex in 1/T, so the only minimum; of log T, so that halving and doubling are equally far
    found = minimize_scalar(
        lambda log_t: _nll(_log_probabilities(logits, np.exp(log_t)), labels),
        bounds=np.log(TEMPERATURES),
        method="bounded",
        options={"xatol": 1e-8},
    )
    return float(np.exp(found.x))


def calibration(logits: npt.NDArray[np.float32], labels: npt.NDArray[np.integer], temperature: float = 1.0) -> dict[str, Any]:
    """How far softmax(logits / temperature) can be believed; the less of each figure, the better.

    - `nll`: the mean negative log-likelihood in nats.
    - `brier`: the mean over images of the squared error summed over the ten classes, so 0 to 2 (Brier 1950; some halve it).
    - `ece`: the expected calibration error, 0 to 1: the mean over images of |accuracy - confidence| of the image's bin
      (Naeini et al. 2015). A bin of equal mass holds a fifteenth of the images in order of confidence (Nguyen and
      O'Connor 2015, https://arxiv.org/abs/1508.05154): of equal width, nearly all of them would be in the last one.
    - `bins`: each bin's mean `confidence`, `accuracy` and number of `images`, the least confident first. Where n is no
      multiple of 15 the first ones hold one image more; where it is below 15 each image is a bin. Images of equal
      confidence keep their order, also where a bin ends among them.

    Args:
        logits: float32 `[n, 10]`, n at least 1.
        labels: integers `[n]`, 0-9.
        temperature: What the logits are divided by, above 0; 1 leaves them as the network gives them.
    """
    log_probabilities = _log_probabilities(logits, temperature)
    probabilities = np.exp(log_probabilities)
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    by_confidence = np.argsort(confidence, kind="stable")
    bins = [
        {"confidence": float(confidence[members].mean()), "accuracy": float(correct[members].mean()), "images": len(members)}
        for members in np.array_split(by_confidence, min(BINS, len(labels)))
    ]
    return {
        "nll": _nll(log_probabilities, labels),
        "brier": float(((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1).mean()),
        "ece": sum(each["images"] * abs(each["accuracy"] - each["confidence"]) for each in bins) / len(labels),
        "bins": bins,
    }


def before_and_after(uncalibrated_logits: npt.NDArray[np.float32], temperature: float, labels: npt.NDArray[np.integer]) -> dict[str, Any]:
    """`calibration` of the logits as they are and divided by `temperature`, which other images than these were to fit.

    Args:
        uncalibrated_logits: float32 `[n, 10]`, n at least 1.
        temperature: What `temperature` found, above 0.
        labels: integers `[n]`, 0-9.
    """
    return {
        "temperature": temperature,
        "before": calibration(uncalibrated_logits, labels),
        "after": calibration(uncalibrated_logits, labels, temperature),
    }


def _log_probabilities(logits: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float64]:
    """In float64, where far fewer confidences round to 1 and level with each other."""
    result: npt.NDArray[np.float64] = log_softmax(logits.astype(np.float64) / temperature, axis=1)
    return result


def _nll(log_probabilities: npt.NDArray[np.float64], labels: npt.NDArray[np.integer]) -> float:
    return float(-log_probabilities[np.arange(len(labels)), labels].mean())

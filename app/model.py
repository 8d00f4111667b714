"""One loaded version of a model: its graph, its card, and the golden images that show it works."""

from __future__ import annotations

import base64
import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from app.errors import ModelFailedError
from app.familiarity import familiarity
from app.manifest import BrokenVersionError, verify
from app.runtime import RUNTIMES, Images, Output, Runtime
from app.schemas.report import StoredReport
from app.steps import took
from app.telemetry import ModelTelemetry

GOLDEN_TOLERANCE = 1e-4
"""Largest difference from TensorFlow's probabilities; engines in float32 agree to about 1e-6."""

SLOW_S = 0.0005
"""Seconds for one image from which a model would hold up other requests: about what these take themselves."""

REQUIRED_FILES = frozenset({"card.json", "report.json", "report.html", "golden.json", "saved_model.pb"})

log = logging.getLogger(__name__)


class Card(BaseModel):
    """What the service needs of `card.json`; the rest is passed on as it is."""

    model_config = ConfigDict(extra="allow")

    name: str
    version: int
    parameters: int
    labels: list[str] = Field(min_length=2)
    familiarity: dict[str, Any] | None = None


class _GoldenImage(BaseModel):
    label: str
    pixels: str
    probabilities: list[float]


class _Golden(BaseModel):
    images: list[_GoldenImage] = Field(min_length=1)


class Model:
    """A verified, loaded and checked version, ready to classify."""

    def __init__(self, folder: Path, runtime: str) -> None:
        """Verify and load the version in `folder`, `<name>/<version>`, and check it on its golden images.

        Raises:
            BrokenVersionError: It can't be served; the message says why.
        """
        files = verify(folder)
        if absent := REQUIRED_FILES - files:
            raise BrokenVersionError(f"published without {', '.join(sorted(absent))}")
        try:
            self.card = Card.model_validate_json((folder / "card.json").read_bytes())
            self._familiarity = familiarity(self.card.familiarity)
            self.report = StoredReport.model_validate_json((folder / "report.json").read_bytes())
            golden = _Golden.model_validate_json((folder / "golden.json").read_bytes())
            pixels = b"".join(base64.b64decode(image.pixels, validate=True) for image in golden.images)
            self._golden_images = np.frombuffer(pixels, np.uint8).reshape(len(golden.images), 28, 28, 1)
            self._golden_probabilities = np.array([image.probabilities for image in golden.images], np.float32)
            # read now, while they are what the manifest says
            self.report_page = (folder / "report.html").read_bytes()
            self.plots = {Path(name).name: (folder / name).read_bytes() for name in files if name.startswith("plots/")}
        except (OSError, ValueError) as error:  # pydantic's and base64's errors are ValueErrors
            raise BrokenVersionError(f"its card, report or golden images can't be used: {error}") from error
        if (self.card.name, str(self.card.version)) != (folder.parent.name, folder.name):
            raise BrokenVersionError(f"its card says {self.card.name} version {self.card.version}")
        if self._golden_probabilities.shape != (len(golden.images), len(self.labels)):
            raise BrokenVersionError(f"its golden images have other classes than the {len(self.labels)} labels of its card")
        try:
            self.run: Runtime = RUNTIMES[runtime](folder)
        except Exception as error:  # engines raise RuntimeError, ValueError, and classes of their own
            raise BrokenVersionError(f"the {runtime} runtime can't load it: {error}") from error
        self.check()
        self.is_slow = self._quickest_s() > SLOW_S
        self.telemetry = ModelTelemetry(self.name, self.version, self.labels)
        if self.card.familiarity and not self._familiarity:
            # no reason not to serve it: its answers are right all the same
            log.warning(
                "images unlike the training images get no warning: the card's score is unknown",
                extra={"model": self.name, "version": self.version, "score": self.card.familiarity.get("score")},
            )

    @property
    def name(self) -> str:
        return self.card.name

    @property
    def version(self) -> int:
        return self.card.version

    @property
    def labels(self) -> list[str]:
        return self.card.labels

    def classify(self, images: Images) -> Output:
        """Answer uint8 `[n, 28, 28, 1]` images: run the graph, and count the answers as predictions, which `infer` alone does not.

        Raises:
            ModelFailedError: The engine raises.
        """
        began = time.perf_counter()
        output = self.infer(images)
        ended = time.perf_counter()
        self.telemetry.answered(output.probabilities, ended - began)
        took("inference", began, ended, model=self.name, version=self.version, images=len(images))
        return output

    def infer(self, images: Images) -> Output:
        """Run the graph.

        Raises:
            ModelFailedError: The engine raises; the log has what.
        """
        try:
            return self.run(images)
        except Exception as error:  # engines raise RuntimeError, ValueError, and classes of their own
            log.exception("a model failed", extra={"model": self.name, "version": self.version, "images": len(images)})
            raise ModelFailedError(f"The model {self.name} failed on this request: try again, or choose another model.") from error

    def more_familiar(self, images: Images) -> list[float | None]:
        """By image, uint8 `[n, 28, 28, 1]`: the share of real ones that are more familiar, 0 to 1, if it is unlike those trained on."""
        if self._familiarity is None:
            return [None] * len(images)
        accepted = self._familiarity.accepted
        return [accepted if unlike else None for unlike in self._familiarity.unlike(images)]

    def _quickest_s(self) -> float:
        """Seconds for one image at best, of this thread's own: a service that is busy while it loads a version makes that no slower."""
        times = []
        for image in self._golden_images[:, np.newaxis]:
            began = time.thread_time()
            self.run(image)
            times.append(time.thread_time() - began)
        return min(times)

    def check(self) -> None:
        """Compare the answers to the golden images with those that TensorFlow gave when the version was published.

        Raises:
            BrokenVersionError: They differ.
        """
        try:
            probabilities = self.run(self._golden_images).probabilities
        except Exception as error:  # see above
            raise BrokenVersionError(f"its golden images can't be classified: {error}") from error
        if probabilities.shape != self._golden_probabilities.shape:
            raise BrokenVersionError(f"it answers with {probabilities.shape[-1]} probabilities for {len(self.labels)} labels")
        difference = float(np.abs(probabilities - self._golden_probabilities).max())
        if not difference <= GOLDEN_TOLERANCE:  # also where it is not a number
            raise BrokenVersionError(f"its answers to the golden images are off by {difference:.2g}")

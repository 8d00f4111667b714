"""BentoML: `bentoml serve benchmarks.peers.bentoml_service:Cnn --port PORT --api-workers 1`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import bentoml
from bentoml.validators import ContentType

from benchmarks.peers.classifier import Classifier


@bentoml.service(workers=1)
class Cnn:
    """One worker, as for one core."""

    def __init__(self) -> None:
        self._classify = Classifier()

    @bentoml.api
    def predict(self, file: Annotated[Path, ContentType("image/png")]) -> dict[str, Any]:
        """Classify one image."""
        return self._classify(file.read_bytes())

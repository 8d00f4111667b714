"""MLServer, a custom runtime with a custom endpoint: `mlserver start benchmarks/peers/mlserver_model`."""

from __future__ import annotations

from typing import Any

from fastapi import UploadFile
from mlserver import MLModel
from mlserver.handlers import custom_handler

from benchmarks.peers.classifier import Classifier


class Cnn(MLModel):
    """In the server's own process: MLServer's parallel workers only cost where there is one core."""

    async def load(self) -> bool:
        self._classify = Classifier()
        return True

    @custom_handler(rest_path="/predict")
    async def classify_upload(self, file: UploadFile) -> dict[str, Any]:
        """Classify one image."""
        return self._classify(await file.read())

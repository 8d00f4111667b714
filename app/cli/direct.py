"""Answers of the models themselves, without a server."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.cli.answering import Answer, Classify, problem
from app.cli.ending import UnavailableError
from app.errors import RequestError
from app.images import Fit
from app.prediction import decode_files, predict_decoded
from app.registry import Registry, one_model
from app.settings import Settings
from app.source import complaint


class Direct:
    """The models folder, read by the service's own code: the same checks, the same answers."""

    def __init__(self, settings: Settings) -> None:
        if isinstance(settings.models_dir, Path) and not settings.models_dir.is_dir():
            raise UnavailableError(
                f"There is no folder of models {str(settings.models_dir)!a}: name it by --models-dir or WARDROBE_MODELS_DIR, "
                "or a service that has models by --url."
            )
        if wrong := complaint(settings):
            raise UnavailableError(f"{wrong[0].upper()}{wrong[1:]}.")
        self._settings = settings

    def classifier(self, model: str | None, version: int | None, fit: Fit) -> Classify:
        with _loading():
            loaded = one_model(self._settings, model, version)

        def classify(images: Sequence[bytes]) -> list[Answer]:
            results = predict_decoded(loaded, decode_files(images, fit, self._settings.max_pixels), fit)
            return [problem(each) if isinstance(each, RequestError) else each for each in results]

        return classify

    def models(self) -> str:
        with _loading():
            return Registry(self._settings).summaries().model_dump_json()

    def metrics(self, model: str | None) -> str:
        with _loading():
            return Registry(self._settings).evidence(model).decode()


@contextmanager
def _loading() -> Iterator[None]:
    """Around what loads models: its failures are the command's, and LiteRT's greeting, which no setting silences, is left out."""
    sys.stderr.flush()
    standard_error = os.dup(2)
    try:
        with tempfile.TemporaryFile() as held:
            os.dup2(held.fileno(), 2)
            try:
                yield
            except RequestError as error:
                raise UnavailableError(str(error)) from error
            finally:
                sys.stderr.flush()
                os.dup2(standard_error, 2)
                held.seek(0)
                for line in held:
                    if not line.startswith(b"INFO: "):
                        os.write(2, line)
    finally:
        os.close(standard_error)

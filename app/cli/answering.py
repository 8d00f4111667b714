"""What answers: the models themselves, or a service that has loaded them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from app.errors import RequestError
from app.images import Fit
from app.schemas.predictions import Prediction
from app.schemas.problem import Problem

Answer = Prediction | Problem
Classify = Callable[[Sequence[bytes]], Sequence[Answer]]
"""A batch of images, as their files' bytes, to an answer for each, in order; from several threads at once.

Raises `UnavailableError` where there is no answer to be had.
"""


class Answering(Protocol):
    """The API's answers, wherever they come from; each method raises `UnavailableError`."""

    def classifier(self, model: str | None, version: int | None, fit: Fit) -> Classify:
        """Classifies by this version of the model; by the default model and the served version where nothing is named."""

    def models(self) -> str:
        """The answer of GET /models: JSON."""

    def metrics(self, model: str | None) -> str:
        """The answer of GET /metrics, narrowed to a model where one is named: JSON."""


def problem(error: RequestError) -> Problem:
    """What the API would say of an image that can't be used; there is no request, so the id of it is empty."""
    from app.problems import problem_of  # brings FastAPI, which takes as long as a thousand images: only where an image fails

    return problem_of(error, request_id="")

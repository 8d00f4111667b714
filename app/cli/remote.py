"""Answers of a running service, over HTTP."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from app.cli.answering import Answer, Classify, problem
from app.cli.ending import UnavailableError, WrongUsageError
from app.errors import BodyTooLargeError
from app.images import Fit
from app.schemas.metrics import Metrics
from app.schemas.models import ModelList
from app.schemas.predictions import Batch
from app.schemas.problem import Problem

KEY = "WARDROBE_API_KEY"
"""Not an option, which every process on the machine could read."""
ATTEMPTS = 6
LONGEST_WAIT_S = 10.0
"""Of one wait, whatever `Retry-After` asks for: with the attempts, a busy service is given up after a minute at most."""
TIMEOUT = httpx.Timeout(60, connect=5)
TOO_MUCH = (400, 413, 422)
"""What a service, or a proxy before it, answers to more bytes or more images than it takes at once."""

Shape = TypeVar("Shape", bound=BaseModel)


class Remote:
    """The service at a URL."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("http://", "https://")) or not _host(url):
            raise WrongUsageError(f"{url!a} is no address of a service: it must look like http://127.0.0.1:8000.")
        self._url = url
        self._http = httpx.Client(base_url=url, timeout=TIMEOUT, headers=_key_header())

    def classifier(self, model: str | None, version: int | None, fit: Fit) -> Classify:
        wanted = {name: value for name, value in (("model", model), ("version", version), ("fit", fit)) if value is not None}

        def classify(images: Sequence[bytes]) -> list[Answer]:
            # without the files' names, which are nobody's business
            files = [("files", ("image", each, "application/octet-stream")) for each in images]
            response = self._answer("POST", "predict/batch", params=wanted, files=files)
            if response.status_code in TOO_MUCH and len(images) > 1:
                half = len(images) // 2
                return [*classify(images[:half]), *classify(images[half:])]
            if response.status_code == 413:
                return [_too_large(response, len(images[0]))]
            results = self._parsed(response, Batch).results
            if len(results) != len(images):
                raise self._stranger(response)
            return list(results)

        return classify

    def models(self) -> str:
        return self._read("models", ModelList)

    def metrics(self, model: str | None) -> str:
        return self._read("metrics", Metrics, params={} if model is None else {"model": model})

    def _read(self, path: str, shape: type[BaseModel], **request: Any) -> str:
        response = self._answer("GET", path, **request)
        self._parsed(response, shape)
        return response.text

    def _answer(self, method: str, path: str, **request: Any) -> httpx.Response:
        """The answer, after waiting for as long as the service asks for, a bounded number of times."""
        for _ in range(ATTEMPTS - 1):
            response = self._sent(method, path, **request)
            if response.status_code not in (429, 503):
                return response
            time.sleep(wait_s(response))
        return self._sent(method, path, **request)

    def _sent(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            try:
                return self._http.request(method, path, **request)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                # a connection that was kept may be closed just when it is used again; nothing here changes anything, so once more
                return self._http.request(method, path, **request)
        except httpx.TimeoutException as error:
            raise UnavailableError(f"The service at {self._url} does not answer in time: try again, or with fewer images.") from error
        except httpx.HTTPError as error:
            raise UnavailableError(
                f"The service at {self._url} can't be reached ({error}): start it by `python -m app`, correct --url, "
                "or leave --url out to use the models directly."
            ) from error

    def _parsed(self, response: httpx.Response, shape: type[Shape]) -> Shape:
        """The answer, which must have this shape."""
        if response.status_code == 401:
            given = "does not know the key in" if os.environ.get(KEY) else "wants a key, in"
            raise UnavailableError(f"The service at {self._url} {given} the environment variable {KEY}: ask whoever runs it for one.")
        try:
            if response.status_code != 200:
                raise UnavailableError(Problem.model_validate_json(response.content).detail)
            return shape.model_validate_json(response.content)
        except ValidationError as error:
            raise self._stranger(response) from error

    def _stranger(self, response: httpx.Response) -> UnavailableError:
        return UnavailableError(
            f"What answers at {self._url} is no Wardrobe service: it says {response.status_code} {response.reason_phrase} "
            f"to {response.request.method} {response.url.path}. Correct --url."
        )


def _too_large(response: httpx.Response, size: int) -> Problem:
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:  # a proxy's answer
        return problem(BodyTooLargeError(f"The file has {size:,} bytes, more than {response.url.host} takes: make a smaller copy."))


def _key_header() -> dict[str, str]:
    key = os.environ.get(KEY)
    if key and not (key.isascii() and key.isprintable() and " " not in key):  # which is not shown
        raise WrongUsageError(f"What {KEY} holds is no key: it has a space or another character that no key has.")
    return {"Authorization": f"Bearer {key}"} if key else {}


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host
    except httpx.InvalidURL:
        return ""


def wait_s(response: httpx.Response) -> float:
    """Seconds until a busy service wants to be asked again; one for a date, or where it does not say."""
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), LONGEST_WAIT_S) if asked.isdecimal() else 1.0

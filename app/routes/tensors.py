"""What the routes of both tensor protocols share: paths with a model and perhaps a version, bodies that may be compressed and long."""

from __future__ import annotations

import http
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from app import codings
from app.classifier import Classifier
from app.errors import MalformedRequestError, UnknownVersionError, shown
from app.message import Message
from app.model import Model
from app.routes.dependencies import registry_of
from app.schemas.open_inference import InferenceError
from app.settings import Settings

JSON_LENGTH = "Inference-Header-Content-Length"
COMPRESS_FROM = 1024
"""Bytes; shorter answers would hardly shrink."""


_IN_PATH = {"name": ("Name of the model", "cnn"), "version": ("A loaded version of it", "1")}
Function = TypeVar("Function", bound=Callable[..., Any])
Asked = TypeVar("Asked")


def of_a_model(
    router: APIRouter,
    suffix: str,
    method: str,
    statuses: Sequence[int],
    body: type[BaseModel] | None = None,
    also: dict[str, Any] | None = None,
    **options: Any,
) -> Callable[[Function], Function]:
    """Register a function of the request for the served version of a model, and for each by its number.

    `body` is what it reads, and `also` the OpenAPI entry of what it answers besides JSON.
    """

    def register(function: Function) -> Function:
        for path in ("/models/{name}", "/models/{name}/versions/{version}"):
            parameters = [
                {"name": each, "in": "path", "required": True, "schema": {"type": "string"}, "description": meaning, "example": example}
                for each, (meaning, example) in _IN_PATH.items()
                if f"{{{each}}}" in path
            ]
            router.add_api_route(
                path + suffix,
                function,
                methods=[method],
                responses=error_answers(*statuses) | ({200: {"content": also}} if also else {}),
                openapi_extra={"parameters": parameters, **(json_body(body) if body else {})},
                **options,
            )
        return function

    return register


def error_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries for these error statuses."""
    return {each: {"model": InferenceError, "description": http.HTTPStatus(each).phrase} for each in statuses}


def json_body(shape: type[BaseModel], *, required: bool = True) -> dict[str, Any]:
    """The OpenAPI entry of a body; `openapi.py` adds the shape itself."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{shape.__name__}"}}}
    return {"requestBody": {"required": required, "content": content}}


def model_of(request: Request) -> Model:
    """The model that the path names.

    Raises:
        UnknownModelError, UnknownVersionError, ModelUnavailableError: See `Registry.model`.
    """
    registry = registry_of(request)
    name, version = request.path_params["name"], request.path_params.get("version")
    if version is None:
        return registry.model(name)
    if not version.isdecimal() or len(version) > 18:
        loaded = ", ".join(map(str, registry.entry(name).loaded))
        raise UnknownVersionError(f"The model {name} has no version {shown(version)}: choose one of {loaded}.")
    return registry.model(name, int(version))


async def exchange(request: Request, model: Model, read: Callable[[Message], Asked], answer: Callable[[Model, Asked], Message]) -> Response:
    """The answer to a request to `model`, by the two halves of a protocol; `read` is pickled where the JSON is large.

    Raises:
        RequestError: One of them does, or the body can't be decompressed, or too many requests are waiting.
    """
    settings: Settings = request.app.state.settings
    classifier: Classifier = request.state.classifier
    headers = request.headers
    coding = headers.get("content-encoding", "identity").strip().lower()
    classifier.expect_tensors(model, request.state.body_size if coding == "identity" else settings.max_tensor_bytes)
    parts = [each async for each in request.stream() if each]
    length = headers.get(JSON_LENGTH, "")
    wanted = codings.accepted(headers.get("accept-encoding", ""))

    def work() -> tuple[Message, bytes | None]:
        body = b"".join(parts)  # here, as 40 MB take 25 ms, in which others have the interpreter
        parts.clear()
        content = Message(body if coding == "identity" else codings.decompressed(body, coding, settings.max_tensor_bytes), _length(length))
        asked = classifier.reader.call(partial(read, content), content.json_bytes)
        message = answer(model, asked)
        return message, codings.compressed(message.body, wanted) if wanted and len(message.body) >= COMPRESS_FROM else None

    # what is compressed may be of any size
    message, small = await classifier.tensors(model, sum(map(len, parts)) if coding == "identity" else settings.max_tensor_bytes, work)
    request.state.logged.update(model=model.name, version=model.version)
    response = Response(message.body if small is None else small, media_type="application/json")
    if message.json_length is not None:
        response.headers["Content-Type"] = "application/octet-stream"
        response.headers[JSON_LENGTH] = str(message.json_length)
    if small is not None and wanted:
        response.headers["Content-Encoding"] = wanted
    return response


def _length(header: str) -> int | None:
    """Bytes of JSON; None where all of the body is."""
    if not header:
        return None
    if not header.isdecimal() or len(header) > 12:
        raise MalformedRequestError(f"The header {JSON_LENGTH} is {shown(header)} and must be a number of bytes.")
    return int(header)

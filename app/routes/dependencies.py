"""What the routes need, each named once."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from starlette.datastructures import QueryParams

from app import errors
from app.problems import MEDIA_TYPE, problem_of
from app.registry import Registry
from app.repository import Repository


def registry_of(request: Request) -> Registry:
    """What serves now: ask once in a request, as the next answer may be another."""
    repository: Repository = request.state.repository
    return repository.registry


async def _registry(request: Request) -> Registry:  # FastAPI would call what is not async in a thread
    return registry_of(request)


RegistryDep = Annotated[Registry, Depends(_registry)]
MODEL_DESCRIPTION = "Name of the model; by default the configured default model"
ModelName = Annotated[str | None, Query(alias="model", description=MODEL_DESCRIPTION)]

_EXAMPLES = (
    errors.MalformedRequestError("The multipart body can't be read (Empty boundary): send it as curl -F file=@image.png does."),
    errors.UnknownModelError("There is no model 'vgg': choose one of ann, cnn."),
    errors.SlowUploadError("After 52,311 bytes the body came too slowly or not at all: send it again."),
    errors.BodyTooLargeError("The body is larger than 16,777,216 bytes: send a smaller image, or fewer at once."),
    errors.UnsupportedTypeError("The upload is not a PNG, JPEG, WebP or BMP image: it begins with the bytes 47 49 46 38 39 61 1c 00."),
    errors.UnprocessableImageError("The image is 27x28 and must be 28x28: resize it, or add fit=garment to have any photo fitted."),
    errors.OverloadedError("18 requests are being worked on or waiting already: try again in a moment."),
    errors.ModelUnavailableError(
        "The model cnn is not available: version 1: no manifest.json: the version was never completely published."
    ),
)


def problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries for these error statuses, each with an example."""
    return {status: answer for each in _EXAMPLES for status, answer in problem_answer(each).items() if status in statuses}


def problem_answer(error: errors.RequestError) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entry for the status of `error`, which is its example."""
    body = problem_of(error, "5f0c7f8e3c3b4b0f8f4f4a5d7c1e2b3a")
    content = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": body.model_dump()}
    return {body.status: {"description": body.title, "content": {MEDIA_TYPE: content}}}


def only(*names: str) -> Any:
    """A dependency that refuses a query with anything else, or anything twice."""

    async def check(request: Request) -> None:
        refuse_others(request.query_params, names)

    return Depends(check)


def refuse_others(query: QueryParams, names: Collection[str]) -> None:
    """Refuse a misspelt or repeated query parameter, which would otherwise change the answer unnoticed.

    Raises:
        InvalidParameterError: There is one.
    """
    given = [name for name, _ in query.multi_items()]
    if wrong := next((name for name in given if name not in names or given.count(name) > 1), None):
        why = "is given more than once" if wrong in names else f"is unknown: choose from {', '.join(names)}"
        raise errors.InvalidParameterError(f"The query parameter {errors.shown(wrong)} {why}.")

"""The query of the routes that classify: which model, which version, how an image is fitted."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError

from app.images import Fit
from app.routes.dependencies import MODEL_DESCRIPTION, refuse_others
from app.schemas.common import PositiveInt

_FIT: Any = Field(
    default="strict",
    description="`strict`: the image must be 28x28, light on dark. `garment`: any photo is trimmed, scaled, centred and negated.",
)


class Selection(BaseModel):
    """What classifies an image, and how the image is fitted."""

    model: str | None = Field(default=None, description=MODEL_DESCRIPTION)
    version: PositiveInt | None = Field(default=None, description="Version of the model; by default the served one")
    fit: Fit = _FIT


class Fitting(BaseModel):
    """How an image is fitted."""

    fit: Fit = _FIT


Query = TypeVar("Query", bound=BaseModel)


def query(request: Request, shape: type[Query]) -> Query:
    """The request's query, read at once: as FastAPI's parameters it would cost as much as the rest of FastAPI's work on a request.

    Raises:
        InvalidParameterError: A parameter is unknown or repeated.
        RequestValidationError: A value does not fit.
    """
    given = request.query_params
    refuse_others(given, shape.model_fields)
    try:
        return shape.model_validate(dict(given))
    except ValidationError as error:
        raise RequestValidationError([{**each, "loc": ("query", *each["loc"])} for each in error.errors()]) from error


def described(shape: type[BaseModel]) -> dict[str, Any]:
    """The OpenAPI entry for a query of this shape."""
    parameters = [
        {"name": name, "in": "query", "required": False, "schema": schema, "description": schema.pop("description")}
        for name, schema in shape.model_json_schema()["properties"].items()
    ]
    return {"parameters": parameters}

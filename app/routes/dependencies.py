"""What the routes need, each named once."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Query, Request

from app.decoder import Decoder
from app.images import Fit
from app.problems import MEDIA_TYPE
from app.registry import Registry
from app.schemas import PositiveInt
from app.settings import Settings


async def _registry(request: Request) -> Registry:
    registry: Registry = request.state.registry
    return registry


async def _decoder(request: Request) -> Decoder:
    decoder: Decoder = request.state.decoder
    return decoder


async def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


RegistryDep = Annotated[Registry, Depends(_registry)]
DecoderDep = Annotated[Decoder, Depends(_decoder)]
SettingsDep = Annotated[Settings, Depends(_settings)]

ModelName = Annotated[str | None, Query(alias="model", description="Name of the model; by default the configured default model")]
VersionNumber = Annotated[PositiveInt | None, Query(alias="version", description="Version of the model; by default the served one")]
FitChoice = Annotated[
    Fit,
    Query(
        alias="fit",
        description="`strict`: the image must be 28x28, light on dark. `garment`: any photo is trimmed, scaled, centred and negated.",
    ),
]

_EXAMPLES: dict[int, tuple[str, str]] = {
    400: ("Malformed request", "The multipart body can't be read: Missing boundary in multipart."),
    404: ("Unknown model", "There is no model 'vgg': choose one of ann, cnn."),
    413: ("Body too large", "The body is larger than 16,777,216 bytes: send a smaller image, or fewer at once."),
    415: ("Unsupported image type", "The upload is not a PNG, JPEG, WebP or BMP image: it begins with the bytes 47 49 46 38 39 61 1c 00."),
    422: ("Unprocessable image", "The image is 27x28 and must be 28x28: resize it, or add fit=garment to have any photo fitted."),
    429: ("Too many requests", "18 photos are being decoded or waiting already: try again in a moment."),
    503: ("Model unavailable", "The model cnn is not available: version 1: no manifest.json: the version was never completely published."),
}


def problem_answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries for these error statuses, each with an example."""
    return {status: _answer(status) for status in statuses}


def _answer(status: int) -> dict[str, Any]:
    title, detail = _EXAMPLES[status]
    example = {
        "type": f"urn:wardrobe:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
        "request_id": "5f0c7f8e3c3b4b0f8f4f4a5d7c1e2b3a",
    }
    return {"description": title, "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}}}

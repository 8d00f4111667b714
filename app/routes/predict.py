"""Classifying: one image, a batch, or one image by every model."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from app import uploads
from app.errors import RequestError
from app.images import Picture
from app.prediction import predict
from app.problems import problem_of
from app.routes.dependencies import DecoderDep, FitChoice, ModelName, RegistryDep, SettingsDep, VersionNumber, only, problem_answers
from app.schemas.predictions import Batch, Prediction, SideBySide
from app.schemas.problem import Problem

router = APIRouter(tags=["predict"])

_BINARY = {"type": "string", "format": "binary"}


def _multipart(field: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {uploads.MULTIPART: {"schema": {"type": "object", "required": [field], "properties": {field: schema}}}}


_ONE_IMAGE = {
    "requestBody": {
        "required": True,
        "content": {**_multipart("file", _BINARY), **{each: {"schema": _BINARY} for each in uploads.IMAGE_TYPES}},
    }
}
_MANY_IMAGES = {"requestBody": {"required": True, "content": _multipart("files", {"type": "array", "items": _BINARY})}}
_ERRORS = problem_answers(400, 404, 413, 415, 422, 429, 503)


@router.post("/predict", dependencies=[only("model", "version", "fit")], responses=_ERRORS, openapi_extra=_ONE_IMAGE)
async def predict_one(
    request: Request,
    registry: RegistryDep,
    decoder: DecoderDep,
    model: ModelName = None,
    version: VersionNumber = None,
    fit: FitChoice = "strict",
) -> Prediction:
    """Classify one image: the multipart field `file`, or the raw body with its image type as content type."""
    data = await uploads.image(request)
    chosen = registry.model(model, version)
    [prediction] = predict(chosen, [await decoder.one(data, fit)], fit)
    request.state.logged.update(model=prediction.model, version=prediction.version, label=prediction.label)
    return prediction


@router.post("/predict/batch", dependencies=[only("model", "version", "fit")], responses=_ERRORS, openapi_extra=_MANY_IMAGES)
async def predict_batch(
    request: Request,
    registry: RegistryDep,
    decoder: DecoderDep,
    settings: SettingsDep,
    model: ModelName = None,
    version: VersionNumber = None,
    fit: FitChoice = "strict",
) -> Batch:
    """Classify up to 256 images, the multipart field `files` repeated. A bad image gets a problem in its place and the others an answer."""
    files = await uploads.images(request, settings.max_batch)
    chosen = registry.model(model, version)
    decoded = await decoder.many(files, fit)
    predictions = iter(predict(chosen, [each for each in decoded if isinstance(each, Picture)], fit))
    request.state.logged.update(model=chosen.name, version=chosen.version, images=len(files))
    request_id = request.state.request_id
    return Batch(results=[next(predictions) if isinstance(each, Picture) else problem_of(each, request_id) for each in decoded])


@router.post("/compare", dependencies=[only("fit")], responses=problem_answers(400, 413, 415, 422, 429), openapi_extra=_ONE_IMAGE)
async def compare(request: Request, registry: RegistryDep, decoder: DecoderDep, fit: FitChoice = "strict") -> SideBySide:
    """Classify one image, sent as to `/predict`, with every model."""
    picture = await decoder.one(await uploads.image(request), fit)
    answers: dict[str, Prediction | Problem] = {}
    for name in registry.entries:
        try:
            [answers[name]] = predict(registry.model(name), [picture], fit)
        except RequestError as error:
            answers[name] = problem_of(error, request.state.request_id)
    labels = {answer.label for answer in answers.values() if isinstance(answer, Prediction)}
    return SideBySide(models=answers, agree=len(labels) == 1)

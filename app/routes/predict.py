"""Classifying: one image, a batch, or one image by every model; and what leads to an answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from app import uploads
from app.classifier import Classifier
from app.errors import RequestError
from app.problems import problem_of
from app.routes.dependencies import problem_answers, registry_of
from app.routes.selection import Fitting, Selection, described, query
from app.schemas.explanations import Explanation
from app.schemas.predictions import Batch, Prediction, SideBySide
from app.schemas.preprocessing import Preprocessed
from app.schemas.problem import Problem

router = APIRouter(tags=["predict"])

_BINARY = {"type": "string", "format": "binary"}


def _multipart(field: str, schema: dict[str, Any]) -> dict[str, Any]:
    encoding = {field: {"contentType": ", ".join(uploads.IMAGE_TYPES)}}
    return {uploads.MULTIPART: {"schema": {"type": "object", "required": [field], "properties": {field: schema}}, "encoding": encoding}}


_ONE_IMAGE = {
    "requestBody": {
        "required": True,
        "content": {**_multipart("file", _BINARY), **{each: {"schema": _BINARY} for each in uploads.IMAGE_TYPES}},
    }
}
_MANY_IMAGES = {"requestBody": {"required": True, "content": _multipart("files", {"type": "array", "minItems": 1, "items": _BINARY})}}
_ERRORS = problem_answers(400, 404, 408, 413, 415, 422, 429, 503)


@router.post("/predict", responses=_ERRORS, openapi_extra=described(Selection) | _ONE_IMAGE)
async def predict_one(request: Request) -> Prediction:
    """Classify one image: the multipart field `file`, or the raw body with its image type as content type."""
    wanted = query(request, Selection)
    model = registry_of(request).model(wanted.model, wanted.version)
    classifier = _classifier(request)
    classifier.expect_image(request.state.body_size, wanted.fit, model)
    data = await uploads.image(request)
    prediction = await classifier.predict(model, await classifier.decode(data, wanted.fit), wanted.fit)
    request.state.logged.update(model=prediction.model, version=prediction.version, label=prediction.label)
    return prediction


@router.post("/predict/batch", responses=_ERRORS, openapi_extra=described(Selection) | _MANY_IMAGES)
async def predict_batch(request: Request) -> Batch:
    """Classify up to 256 images, the multipart field `files` repeated. A bad image gets a problem in its place and the others an answer."""
    wanted = query(request, Selection)
    model = registry_of(request).model(wanted.model, wanted.version)
    _classifier(request).expect_batch(model)
    files = await uploads.images(request, request.app.state.settings.max_batch)
    results = await _classifier(request).batch(model, files, wanted.fit)
    request.state.logged.update(model=model.name, version=model.version, images=len(files))
    request_id = request.state.request_id
    return Batch(results=[problem_of(each, request_id) if isinstance(each, RequestError) else each for each in results])


@router.post("/compare", responses=problem_answers(400, 408, 413, 415, 422, 429), openapi_extra=described(Fitting) | _ONE_IMAGE)
async def compare(request: Request) -> SideBySide:
    """Classify one image, sent as to `/predict`, with every model."""
    fit = query(request, Fitting).fit
    registry, classifier = registry_of(request), _classifier(request)
    classifier.expect_image(request.state.body_size, fit)
    picture = await classifier.decode(await uploads.image(request), fit)
    answers: dict[str, Prediction | Problem] = {}
    for name in registry.entries:
        try:
            answers[name] = await classifier.predict(registry.model(name), picture, fit)
        except RequestError as error:
            answers[name] = problem_of(error, request.state.request_id)
    labels = {answer.label for answer in answers.values() if isinstance(answer, Prediction)}
    return SideBySide(models=answers, agree=len(labels) == 1)


@router.post("/explain", responses=_ERRORS, openapi_extra=described(Selection) | _ONE_IMAGE)
async def explain_one(request: Request) -> Explanation:
    """Which parts of an image, sent as to `/predict`, the model's answer rests on: how covering them changes its confidence.

    Occlusion sensitivity (Zeiler and Fergus 2014): 256 copies of the image, a square of each covered, are classified in one batch. It
    costs as much as any batch of as many, and waits in the same bounded queue.
    """
    wanted = query(request, Selection)
    model = registry_of(request).model(wanted.model, wanted.version)
    _classifier(request).expect_batch(model)
    data = await uploads.image(request)
    explanation = await _classifier(request).explain(model, data, wanted.fit)
    request.state.logged.update(model=explanation.model, version=explanation.version, label=explanation.label)
    return explanation


@router.post("/preprocess", responses=problem_answers(400, 408, 413, 415, 422, 429), openapi_extra=described(Fitting) | _ONE_IMAGE)
async def preprocess_one(request: Request) -> Preprocessed:
    """What the models see of an image, sent as to `/predict`, and how a photo becomes that."""
    fit = query(request, Fitting).fit
    _classifier(request).expect_batch(None)
    return await _classifier(request).preprocess(await uploads.image(request), fit)


def _classifier(request: Request) -> Classifier:
    classifier: Classifier = request.state.classifier
    return classifier

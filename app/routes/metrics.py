"""The stored evaluation of the served models."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import Response

from app.routes.dependencies import ModelName, RegistryDep, only, problem_answers
from app.schemas.metrics import Metrics

router = APIRouter(tags=["metrics"])


@router.get("/metrics", dependencies=[only("model")], response_model=Metrics, responses=problem_answers(404, 422, 503))
async def metrics(registry: RegistryDep, model: ModelName = None) -> Response:
    """How good each served model is, measured when it was published, and how they compare; `model` narrows it to one.

    What versions published before had not measured is left out.
    """
    return Response(registry.evidence(model), media_type="application/json")

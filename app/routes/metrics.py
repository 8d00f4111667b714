"""The stored evaluation of the served models."""

from __future__ import annotations

from fastapi import APIRouter

from app.routes.dependencies import ModelName, RegistryDep, only, problem_answers
from app.schemas import Metrics, ModelMetrics

router = APIRouter(tags=["metrics"])


@router.get("/metrics", dependencies=[only("model")], responses=problem_answers(404, 422, 503))
async def metrics(registry: RegistryDep, model: ModelName = None) -> Metrics:
    """How good each served model is, measured when it was published, and how they compare; `model` narrows it to one."""
    models = registry.served() if model is None else [registry.model(model)]
    reports = {each.name: ModelMetrics(**each.report.model_dump(exclude={"name", "dataset"})) for each in models}
    return Metrics(dataset=models[0].report.dataset if models else None, models=reports, comparison=registry.comparison)

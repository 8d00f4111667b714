"""The stored evaluation of the served models."""

from __future__ import annotations

from fastapi import APIRouter

from app.routes.dependencies import ModelName, RegistryDep, problem_answers
from app.schemas import Metrics

router = APIRouter(tags=["metrics"])


@router.get("/metrics", responses=problem_answers(404, 503))
async def metrics(registry: RegistryDep, model: ModelName = None) -> Metrics:
    """How good each served model is, measured when it was published, and how they compare; `model` narrows it to one."""
    models = registry.served() if model is None else [registry.model(model)]
    reports = {each.name: {key: value for key, value in each.report.items() if key not in ("name", "dataset")} for each in models}
    dataset = models[0].report["dataset"] if models else None
    return Metrics(dataset=dataset, models=reports, comparison=registry.comparison)

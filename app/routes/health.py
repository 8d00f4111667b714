"""Probes for whoever keeps the process running and routes traffic to it."""

from __future__ import annotations

from fastapi import APIRouter, Request

from app.routes.dependencies import problem_answers, registry_of
from app.schemas.health import Health, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """The process lives: restart it when this does not answer."""
    return Health()


@router.get("/readyz", responses=problem_answers(503))
async def readyz(request: Request) -> Readiness:
    """Every required model answers its golden images right now, and the service does not stop: send traffic only while this is 200."""
    await be_ready(request)
    return Readiness(models={model.name: model.version for model in registry_of(request).served()})


async def be_ready(request: Request) -> None:
    """Return if the service is ready.

    Raises:
        ModelUnavailableError, StoppingError: It is not.
    """
    await request.state.readiness.check(registry_of(request))

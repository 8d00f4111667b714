"""Probes for whoever keeps the process running and routes traffic to it."""

from __future__ import annotations

import anyio
from fastapi import APIRouter

from app.errors import ModelUnavailableError
from app.registry import Registry
from app.routes.dependencies import RegistryDep, problem_answers
from app.schemas.health import Health, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> Health:
    """The process lives: restart it when this does not answer."""
    return Health()


@router.get("/readyz", responses=problem_answers(503))
async def readyz(registry: RegistryDep) -> Readiness:
    """Every required model answers its golden images right now: send traffic only while this is 200."""
    await be_ready(registry)
    return Readiness(models={model.name: model.version for model in registry.served()})


async def be_ready(registry: Registry) -> None:
    """Return if every required model answers its golden images right now.

    Raises:
        ModelUnavailableError: One does not.
    """
    if failures := await anyio.to_thread.run_sync(registry.failures):  # slow models take milliseconds
        raise ModelUnavailableError("Not ready: " + "; ".join(f"{name}: {reason}" for name, reason in failures.items()) + ".")

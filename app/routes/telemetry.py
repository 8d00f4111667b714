"""Live figures, for Prometheus."""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.exposition import exposition
from app.negotiation import FORMATS, preferred_format
from app.registry import Registry
from app.routes.dependencies import RegistryDep

router = APIRouter(tags=["metrics"])

TEXT: dict[str, Any] = {
    each: {"schema": {"type": "string"}, "example": 'wardrobe_predictions_total{model="cnn",version="2",label="Bag"} 7.0'}
    for each in FORMATS
}
"""The OpenAPI entries of the formats."""


@router.get("/telemetry", response_class=Response, responses={200: {"description": "The figures as text", "content": TEXT}})
async def get_telemetry(request: Request, registry: RegistryDep) -> Response:
    """Requests, predictions, warnings, models and processes, counted right across workers, whatever `Accept` says.

    Prometheus's text format, or OpenMetrics where the client names it. `GET /metrics` answers the same to a Prometheus.
    """
    return await live(request, registry)


async def live(request: Request, registry: Registry) -> Response:
    """The figures in the format that the request likes best. It takes milliseconds, so a thread does it."""
    wanted = preferred_format(accept(request))
    text, media_type = await anyio.to_thread.run_sync(lambda: exposition(registry.loaded(), wanted))
    return Response(text, media_type=media_type, headers={"Vary": "Accept"})


def accept(request: Request) -> str:
    """The request's `Accept`, which may come in several headers."""
    return ",".join(request.headers.getlist("Accept"))

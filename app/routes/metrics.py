"""The stored evaluation of the served models; to a Prometheus, the live figures."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app.errors import InvalidParameterError
from app.negotiation import prefers_prometheus
from app.routes.dependencies import ModelName, RegistryDep, only, problem_answers
from app.routes.telemetry import TEXT, accept, live
from app.schemas.metrics import Metrics

router = APIRouter(tags=["metrics"])


@router.get(
    "/metrics",
    dependencies=[only("model")],
    response_model=Metrics,
    responses=problem_answers(404, 422, 503) | {200: {"description": "The evaluation; to a Prometheus, its text", "content": TEXT}},
)
async def metrics(request: Request, registry: RegistryDep, model: ModelName = None) -> Response:
    """How good each served model is, measured when it was published, and how they compare; `model` narrows it to one.

    What versions published before had not measured is left out. A client that prefers one of Prometheus's text formats to JSON, as each
    Prometheus does by its `Accept`, gets what `GET /telemetry` answers instead.
    """
    if prefers_prometheus(accept(request)):
        if model is not None:
            raise InvalidParameterError("The parameter model narrows the evaluation, not Prometheus's text: leave it out.")
        return await live(request, registry)
    return Response(registry.evidence(model), media_type="application/json", headers={"Vary": "Accept"})

"""What is served, what is not and why, and the reports of each version."""

from __future__ import annotations

from typing import Annotated

import anyio
from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse, Response

from app.class_mix import class_mix
from app.errors import UnknownPlotError
from app.exposition import answers
from app.routes.dependencies import RegistryDep, problem_answers
from app.routes.pages import PNG, self_contained
from app.schemas.common import PositiveInt
from app.schemas.models import ModelDetail, ModelList

router = APIRouter(prefix="/models", tags=["models"])

VersionPath = Annotated[PositiveInt, Path(description="A loaded version of the model")]


@router.get("")
async def list_models(registry: RegistryDep) -> ModelList:
    """Every model: its served version, the state of all its versions, and why one is not served."""
    return registry.summaries()


@router.get("/{name}", responses=problem_answers(404))
async def get_model(registry: RegistryDep, name: str) -> ModelDetail:
    """One model, with the card of its served version (layers, recipe, seed, data, libraries) and the mix of the labels it answers."""
    summary, served = registry.summary(name).model_dump(), registry.entry(name).served
    if served is None:
        return ModelDetail(**summary, card=None, class_mix=None)
    answered = await anyio.to_thread.run_sync(answers)  # reads the workers' files, where there are several
    mix = class_mix(served, answered.get((served.name, str(served.version)), {}))
    return ModelDetail(**summary, card=served.card.model_dump(exclude_unset=True), class_mix=mix)


@router.get("/{name}/versions/{version}/report", response_class=HTMLResponse, responses=problem_answers(404, 422, 503))
async def get_report(registry: RegistryDep, name: str, version: VersionPath) -> HTMLResponse:
    """The report of a version as a page."""
    model = registry.model(name, version)
    return self_contained(model.report_page)


@router.get("/{name}/versions/{version}/plots/{plot}", response_class=Response, responses=PNG | problem_answers(404, 422, 503))
async def get_plot(registry: RegistryDep, name: str, version: VersionPath, plot: str) -> Response:
    """A figure of a version's report, a PNG."""
    plots = registry.model(name, version).plots
    if plot not in plots:
        raise UnknownPlotError(f"There is no such plot: choose one of {', '.join(sorted(plots))}.")
    return Response(plots[plot], media_type="image/png")

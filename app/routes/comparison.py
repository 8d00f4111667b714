"""The page that holds the models against each other."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from app.errors import NoComparisonError
from app.routes.dependencies import RegistryDep, problem_answer
from app.routes.pages import self_contained

router = APIRouter(tags=["metrics"])


def _none(reason: str | None) -> NoComparisonError:
    return NoComparisonError(
        f"There is no comparison of the served versions, as {reason}: "
        "run `python -m training compare` on the models folder, then start the service again."
    )


@router.get("/comparison", response_class=HTMLResponse, responses=problem_answer(_none("the stored one is of ann 1, cnn 1")))
async def get_comparison(registry: RegistryDep) -> HTMLResponse:
    """The served versions held against each other as a page; `GET /metrics` has its figures."""
    if registry.comparison.page is None:
        raise _none(registry.comparison.reason)
    return self_contained(registry.comparison.page)

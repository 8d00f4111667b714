"""What holds the models against each other image by image: a page, and the images that one of them gets wrong."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, Response

from app.errors import NoComparisonError, UnknownSpriteError
from app.routes.dependencies import RegistryDep, problem_answer, problem_answers
from app.routes.pages import PNG, self_contained
from app.schemas.mistakes import Mistakes

router = APIRouter(tags=["metrics"])


def _none(reason: str | None) -> NoComparisonError:
    return NoComparisonError(
        f"There is no comparison of the served versions, as {reason}: "
        "run `python -m training compare` on the models folder, then start the service again."
    )


Sha256 = Annotated[str | None, Query(description="The `sprite_sha256` of an index", max_length=64)]
_MISSING: dict[int | str, dict[str, Any]] = problem_answer(_none("the stored one is of ann 1, cnn 1"))


@router.get("/comparison", response_class=HTMLResponse, responses=_MISSING)
async def get_comparison(registry: RegistryDep) -> HTMLResponse:
    """The served versions held against each other as a page; `GET /metrics` has its figures."""
    if registry.comparison.page is None:
        raise _none(registry.comparison.reason)
    return self_contained(registry.comparison.page)


@router.get("/mistakes", response_model=Mistakes, responses=_MISSING)
async def get_mistakes(registry: RegistryDep) -> Response:
    """Every test image that a served model gets wrong, and what each of them says of it."""
    if registry.mistakes.reason:
        raise _none(registry.mistakes.reason)
    return Response(registry.mistakes.index, media_type="application/json")


@router.get("/mistakes/sprite", response_class=Response, responses=PNG | _MISSING | problem_answers(422))
async def get_mistakes_sprite(registry: RegistryDep, sha256: Sha256 = None) -> Response:
    """Those images, 28x28 each, side by side in one picture; with the index's `sprite_sha256`, only the picture that belongs to it."""
    stored = registry.mistakes
    if stored.reason:
        raise _none(stored.reason)
    if sha256 is None:
        return Response(stored.sprite, media_type="image/png")
    if sha256 != stored.sprite_sha256:
        raise UnknownSpriteError("The mistakes have been stored anew since this index was read: read /mistakes again.")
    return Response(stored.sprite, media_type="image/png", headers={"Cache-Control": "private, max-age=31536000, immutable"})

"""The pages for people, from files of our own, so that they work without internet."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

router = APIRouter(include_in_schema=False)

WEB = Path(__file__).parent.parent / "web"
PLOT_STYLE = "'sha256-jSYQUrW7J0b3jPqhZP9C2Xh1PyJKHKXd4s0fpGGKrww='"
"""Of the style element that Observable Plot writes into each chart, for the browser, which names it where it refuses another."""
_NOTHING_ELSE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE_POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {PLOT_STYLE}; img-src 'self' data: blob:; connect-src 'self'; {_NOTHING_ELSE}"
)
# Swagger UI sets style attributes and draws its icons from data: addresses.
_DOCS_POLICY = f"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; {_NOTHING_ELSE}"


class Files(StaticFiles):
    """Files that a browser keeps and asks for again: an answer of 304 costs nothing, and a new release never meets an old file."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Cache-Control"] = "no-cache"
        return answer


@router.get("/")
async def index() -> HTMLResponse:
    """The page to try the models and to compare them."""
    return _page("index.html", _PAGE_POLICY)


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Swagger UI on `/openapi.json`."""
    return _page("docs.html", _DOCS_POLICY)


def _page(name: str, policy: str) -> HTMLResponse:
    return HTMLResponse(
        (WEB / name).read_bytes(),
        headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"},
    )


def install(app: FastAPI) -> None:
    """Serve the pages and what they load."""
    app.include_router(router)
    app.mount("/static", Files(directory=WEB / "static"), name="static")

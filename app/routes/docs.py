"""The OpenAPI document as a page, from files of our own so that it works without internet."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

router = APIRouter(include_in_schema=False)

WEB = Path(__file__).parent.parent / "web"
# Swagger UI sets style attributes and draws its icons from data: addresses.
_DOCS_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"


@router.get("/docs")
async def docs() -> HTMLResponse:
    """Swagger UI on `/openapi.json`."""
    return HTMLResponse((WEB / "docs.html").read_bytes(), headers={"Content-Security-Policy": _DOCS_POLICY})


@router.get("/")
async def index() -> RedirectResponse:
    """The API page, until there is a page for everyone."""
    return RedirectResponse("/docs")

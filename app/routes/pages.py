"""Pages and figures that training wrote."""

from __future__ import annotations

from typing import Any

from fastapi.responses import HTMLResponse

# Such a page holds its own style and pictures and nothing else.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

PNG: dict[int | str, dict[str, Any]] = {
    200: {"description": "The figure", "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}}}
}
"""The OpenAPI entry of a route that answers with a figure."""


def self_contained(content: bytes) -> HTMLResponse:
    """The answer for a page that may load nothing, run nothing and be framed by nobody."""
    return HTMLResponse(content, headers={"Content-Security-Policy": _POLICY})

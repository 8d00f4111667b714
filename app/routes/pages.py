"""Pages that training wrote."""

from __future__ import annotations

from fastapi.responses import HTMLResponse

# Such a page holds its own style and pictures and nothing else.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def self_contained(content: bytes) -> HTMLResponse:
    """The answer for a page that may load nothing, run nothing and be framed by nobody."""
    return HTMLResponse(content, headers={"Content-Security-Policy": _POLICY})

"""Which route a request met, by its path template: as many values as there are routes, whatever paths are asked for."""

from __future__ import annotations

from typing import Any

from starlette.types import Scope

UNMATCHED = "unmatched"
"""For a path that no route has, and what is refused before any route is looked for: a body too long, or who may not come in."""


class Routes:
    """The templates found so far, by what answers there."""

    def __init__(self) -> None:
        self._templates: dict[Any, str] = {}

    def of(self, scope: Scope) -> str:
        """The template of the route that answered the request of this scope."""
        if "route" in scope:  # FastAPI's own routes, and Starlette's router, leave it
            return str(scope["route"].path)
        endpoint = scope.get("endpoint")
        if endpoint is None:
            return UNMATCHED
        template = self._templates.get(endpoint)
        if template is None:
            template = self._templates[endpoint] = _template(scope, endpoint)
        return template


def _template(scope: Scope, endpoint: Any) -> str:
    for route in scope["app"].routes:
        if endpoint in (getattr(route, "endpoint", None), getattr(route, "app", None)):
            return str(route.path)
    return UNMATCHED

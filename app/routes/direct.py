"""Routes without FastAPI, which describes them but has nothing to resolve for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.routing import Route


def routes(router: APIRouter) -> list[Route]:
    """The router's POST routes, whose functions take the request and nothing else.

    `python -m benchmarks.steps` prints what FastAPI would take.
    """

    def answering(function: Callable[[Request], Awaitable[BaseModel | Response]]) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            content = await function(request)
            return content if isinstance(content, Response) else Response(content.model_dump_json(), media_type="application/json")

        return answer

    return [
        Route(each.path, answering(each.endpoint), methods=["POST"])
        for each in router.routes
        if isinstance(each, APIRoute) and each.methods == {"POST"}
    ]

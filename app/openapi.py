"""The OpenAPI document, without the validation errors that FastAPI would add and this service never sends."""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import FastAPI, Request, Response
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json

from app.schemas.open_inference import InferRequest, RepositoryRequest
from app.schemas.tf_serving import PredictRequest

PATH = "/openapi.json"
READ_BY_HAND = (InferRequest, RepositoryRequest, PredictRequest)
"""Bodies that no parameter of a route tells FastAPI of."""
FOREIGN = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI) -> None:
    """Serve the amended document at `PATH`, made in a thread when it is first asked for."""
    generate = app.openapi

    def amended() -> dict[str, Any]:
        document = generate()
        schemas = document["components"]["schemas"]
        for operation in (operation for path in document["paths"].values() for operation in path.values()):
            if FOREIGN[0] in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
        for name in FOREIGN:
            schemas.pop(name, None)
        _, bodies = models_json_schema([(each, "validation") for each in READ_BY_HAND], ref_template="#/components/schemas/{model}")
        schemas.update(bodies["$defs"])
        return document

    app.openapi = amended  # type: ignore[method-assign]
    made: list[bytes] = []
    one = anyio.Lock()

    async def document(_: Request) -> Response:
        async with one:
            if not made:  # it takes 160 ms
                made.append(await anyio.to_thread.run_sync(lambda: to_json(amended())))
        return Response(made[0], media_type="application/json")

    app.add_route(PATH, document, include_in_schema=False)

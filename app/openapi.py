"""The OpenAPI document, without the validation errors that FastAPI would add and this service never sends."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from app.schemas.open_inference import InferRequest, RepositoryRequest
from app.schemas.tf_serving import PredictRequest

READ_BY_HAND = (InferRequest, RepositoryRequest, PredictRequest)
"""Bodies that no parameter of a route tells FastAPI of."""
FOREIGN = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI) -> None:
    """Serve the amended document as `/openapi.json`."""
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

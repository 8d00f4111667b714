"""The OpenAPI document: with the keys and refusals that no route knows of, without the validation errors that this service never sends."""

from __future__ import annotations

from typing import Any

import anyio
from fastapi import FastAPI, Request, Response
from pydantic.json_schema import models_json_schema
from pydantic_core import to_json

from app import access
from app.errors import CrossSiteError, KeyRequiredError, UnknownHostError
from app.problems import TABLE
from app.protocol_paths import is_protocol
from app.routes.dependencies import problem_answer
from app.schemas.open_inference import InferRequest, RepositoryRequest
from app.schemas.tf_serving import PredictRequest

PATH = "/openapi.json"
READ_BY_HAND = (InferRequest, RepositoryRequest, PredictRequest)
"""Bodies that no parameter of a route tells FastAPI of."""
SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, where the service wants one"},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same, where `Authorization` is taken"},
}
REFUSALS = (
    KeyRequiredError(access.NO_KEY),
    CrossSiteError(access.CROSS_SITE),
    UnknownHostError(access.UNKNOWN_HOST.format("'rebound.example'")),
)
"""Of any request, before a route is looked for."""
FOREIGN = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI) -> None:
    """Serve the amended document at `PATH`, made in a thread when it is first asked for."""
    generate = app.openapi

    def amended() -> dict[str, Any]:
        document = generate()
        schemas = document["components"]["schemas"]
        document["components"] |= {"securitySchemes": SCHEMES, "responses": _refusals()}
        keys: list[dict[str, Any]] = [{each: []} for each in SCHEMES] + ([] if app.state.settings.api_keys else [{}])
        for path, operation in ((path, operation) for path, each in document["paths"].items() for operation in each.values()):
            operation["security"] = [] if path in access.OPEN else keys
            operation["responses"] |= {status: {"$ref": f"#/components/responses/{_name(path, status)}"} for status in _refused(path)}
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


def _refused(path: str) -> list[str]:
    """The statuses by which a request to `path` can be refused."""
    spared = ({KeyRequiredError} if path in access.OPEN else set()) | ({UnknownHostError} if path in access.PROBES else set())
    return [str(TABLE[type(each)][0]) for each in REFUSALS if type(each) not in spared]


def _name(path: str, status: str) -> str:
    return f"{'Error' if is_protocol(path) else 'Problem'}{status}"


def _refusals() -> dict[str, Any]:
    """These answers, as problems and as the protocols word errors."""
    found: dict[str, Any] = {}
    for error in REFUSALS:
        for status, answer in problem_answer(error).items():
            schema = {"$ref": "#/components/schemas/InferenceError"}
            worded = {
                "description": answer["description"],
                "content": {"application/json": {"schema": schema, "example": {"error": str(error)}}},
            }
            found |= {f"Problem{status}": answer, f"Error{status}": worded}
    return found

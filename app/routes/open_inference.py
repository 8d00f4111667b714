"""The Open Inference Protocol V2 with Triton's extensions, under `/v2`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import anyio
from fastapi import APIRouter, Request, Response
from pydantic import ValidationError
from pydantic_core import to_json

from app import VERSION, tensors
from app.errors import MalformedRequestError
from app.exposition import Runs, runs
from app.model import Model
from app.open_inference import INPUT_DATATYPE, answer, read
from app.routes.dependencies import RegistryDep, registry_of
from app.routes.health import be_ready
from app.routes.tensors import error_answers, exchange, json_body, model_of, of_a_model
from app.runtime import Output
from app.schemas.models import Version
from app.schemas.open_inference import (
    Duration,
    InferenceStatistics,
    InferRequest,
    InferResponse,
    Live,
    ModelConfig,
    ModelMetadata,
    ModelReady,
    ModelStatistics,
    Ready,
    RepositoryEntry,
    RepositoryRequest,
    ServerMetadata,
    SpecificVersions,
    TensorConfig,
    TensorMetadata,
    VersionPolicy,
    VersionStatistics,
)

router = APIRouter(prefix="/v2", tags=["open inference protocol"])

PLATFORM = "tensorflow_savedmodel"
EXTENSIONS = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]

BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
"""An answer whose JSON is followed by tensors as bytes."""


@router.get("")
async def server_metadata() -> ServerMetadata:
    """What answers here."""
    return ServerMetadata(name="wardrobe", version=VERSION, extensions=EXTENSIONS)


@router.get("/health/live")
async def live() -> Live:
    """The process lives."""
    return Live()


@router.get("/health/ready", responses=error_answers(503))
async def ready(request: Request) -> Ready:
    """Every required model answers its golden images right now, and the service is not about to stop."""
    await be_ready(request)
    return Ready()


@router.get("/models/stats")
async def statistics(registry: RegistryDep) -> ModelStatistics:
    """What every loaded version did since the service started."""
    return await _statistics(registry.loaded())


@of_a_model(router, "/stats", "GET", [404, 503])
async def model_statistics(request: Request) -> ModelStatistics:
    """What the loaded versions of a model, or one of them, did since the service started."""
    model, registry = model_of(request), registry_of(request)
    versions = [model] if "version" in request.path_params else list(registry.entry(model.name).loaded.values())
    return await _statistics(versions)


@of_a_model(router, "", "GET", [404, 503])
async def model_metadata(request: Request) -> ModelMetadata:
    """What a model takes and gives."""
    model = model_of(request)
    return ModelMetadata(
        name=model.name,
        versions=_versions(request),
        platform=PLATFORM,
        inputs=[TensorMetadata(name=tensors.INPUT, datatype=INPUT_DATATYPE, shape=[-1, *tensors.IMAGE_SHAPE])],
        outputs=[TensorMetadata(name=each, datatype="FP32", shape=[-1, len(model.labels)]) for each in Output._fields],
    )


@of_a_model(router, "/ready", "GET", [404, 503])
async def model_ready(request: Request) -> ModelReady:
    """Whether a model answers."""
    return ModelReady(name=model_of(request).name)


@of_a_model(router, "/config", "GET", [404, 503])
async def model_config(request: Request) -> ModelConfig:
    """The model as Triton's configuration describes one."""
    model = model_of(request)
    return ModelConfig(
        name=model.name,
        platform=PLATFORM,
        backend="tensorflow",
        version_policy=VersionPolicy(specific=SpecificVersions(versions=[int(each) for each in _versions(request)])),
        max_batch_size=request.app.state.settings.max_tensor_batch,
        input=[TensorConfig(name=tensors.INPUT, data_type="TYPE_UINT8", dims=list(tensors.IMAGE_SHAPE))],
        output=[TensorConfig(name=each, data_type="TYPE_FP32", dims=[len(model.labels)]) for each in Output._fields],
    )


@of_a_model(router, "/infer", "POST", [400, 404, 408, 413, 429, 503], InferRequest, response_model=InferResponse, also=BINARY)
async def infer(request: Request) -> Response:
    """Classify images: JSON, or JSON and after it the tensors as bytes, its length in `Inference-Header-Content-Length`."""
    return await exchange(request, model_of(request), partial(read, at_most=request.app.state.settings.max_tensor_batch), answer)


@router.post(
    "/repository/index",
    response_model=list[RepositoryEntry],
    responses=error_answers(400, 408, 413, 429),
    openapi_extra=json_body(RepositoryRequest, required=False),
)
async def repository_index(request: Request) -> Response:
    """Every version in the models folder, and why one does not answer."""
    body = await request.body()
    try:
        asked = RepositoryRequest.model_validate_json(body, strict=True) if body.strip() else RepositoryRequest()
    except ValidationError:
        raise MalformedRequestError('The body is no repository request: leave it out, or send {"ready": true}.') from None
    registry = registry_of(request)
    listed = [_listed(entry.name, version) for entry in registry.entries.values() for version in entry.versions]
    wanted = [each for each in listed if each.state == "READY" or not asked.ready]
    return Response(to_json(wanted), media_type="application/json")


@router.post("/repository/models/{name}/{change}", include_in_schema=False)
async def repository_change(request: Request) -> Response:
    """`load` and `unload`, which Triton's client knows."""
    raise MalformedRequestError(
        "Models are not loaded or unloaded over HTTP: publish a version to the models folder, or remove it there, and restart the service."
    )


async def _statistics(models: Sequence[Model]) -> ModelStatistics:
    counted = await anyio.to_thread.run_sync(runs)  # reads the workers' files, where there are several
    stats = []
    for model in models:
        of_it = counted.get((model.name, str(model.version)), Runs())
        took = Duration(count=of_it.times, ns=round(1e9 * of_it.seconds))
        stats.append(
            VersionStatistics(
                name=model.name,
                version=str(model.version),
                inference_count=of_it.images,
                execution_count=of_it.times,
                inference_stats=InferenceStatistics(success=took, compute_infer=took),
            )
        )
    return ModelStatistics(model_stats=stats)


def _versions(request: Request) -> list[str]:
    registry = registry_of(request)
    return [str(each) for each in registry.entry(request.path_params["name"]).loaded]


def _listed(name: str, version: Version) -> RepositoryEntry:
    answers = version.state in {"served", "loaded"}
    reason = version.reason or ("" if answers else "older than those the service loads")
    return RepositoryEntry(name=name, version=str(version.version), state="READY" if answers else "UNAVAILABLE", reason=reason)

"""TensorFlow Serving's REST API under `/v1`, and with it KServe's V1 protocol."""

from __future__ import annotations

from functools import partial
from typing import Literal

from fastapi import APIRouter, Request, Response

from app import tensors
from app.errors import MalformedRequestError, UnknownModelError, UnknownVersionError, shown
from app.model import Model
from app.routes.dependencies import RegistryDep, registry_of
from app.routes.tensors import exchange, model_of, of_a_model
from app.runtime import Output
from app.schemas.models import Version
from app.schemas.tf_serving import (
    Dimension,
    Metadata,
    ModelNames,
    ModelSpec,
    ModelStatus,
    PredictRequest,
    PredictResponse,
    SignatureDef,
    SignatureDefMap,
    SignatureMetadata,
    TensorInfo,
    TensorShape,
    VersionError,
    VersionStatus,
)
from app.settings import Settings
from app.tf_serving import SIGNATURE, answer, read

router = APIRouter(prefix="/v1", tags=["tensorflow serving"])


@router.get("/models")
async def model_names(registry: RegistryDep) -> ModelNames:
    """The models that answer."""
    return ModelNames(models=[model.name for model in registry.served()])


@of_a_model(router, "", "GET", [404, 503])
async def model_status(request: Request) -> ModelStatus:
    """The state of a model's versions, or of one."""
    model, registry = _servable(request), registry_of(request)
    versions = registry.entry(model.name).versions
    if "version" in request.path_params:
        versions = [each for each in versions if each.version == model.version]
    return ModelStatus(name=model.name, model_version_status=[_status(each) for each in versions])


@of_a_model(router, "/metadata", "GET", [404, 503])
async def model_metadata(request: Request) -> SignatureMetadata:
    """The signature: what a model takes and gives."""
    model = _servable(request)
    signature = SignatureDef(
        inputs={tensors.INPUT: _tensor("DT_UINT8", tensors.IMAGE_SHAPE, f"{SIGNATURE}_{tensors.INPUT}:0")},
        outputs={
            name: _tensor("DT_FLOAT", (len(model.labels),), f"StatefulPartitionedCall:{place}")
            for place, name in enumerate(sorted(Output._fields))
        },
    )
    return SignatureMetadata(
        model_spec=ModelSpec(name=model.name, version=str(model.version)),
        metadata=Metadata(signature_def=SignatureDefMap(signature_def={SIGNATURE: signature})),
    )


@of_a_model(router, ":predict", "POST", [400, 404, 408, 413, 415, 422, 429, 503], PredictRequest, response_model=PredictResponse)
async def predict(request: Request) -> Response:
    """Classify images: tensors or pictures, as `instances` or as `inputs`."""
    model = _servable(request)
    settings: Settings = request.app.state.settings
    of_request = partial(read, at_most=settings.max_tensor_batch, max_pixels=settings.max_pixels)
    return await exchange(request, model, of_request, answer)


@router.post("/models/{name}:{verb}", include_in_schema=False)
@router.post("/models/{name}/versions/{version}:{verb}", include_in_schema=False)
async def other_verb(request: Request) -> Response:
    """`classify` and `regress` take tf.Examples, which no image classifier has."""
    raise MalformedRequestError(f"Malformed request: POST {shown(request.scope['path'])[1:-1]}: the only verb is predict.")


def _servable(request: Request) -> Model:
    try:
        return model_of(request)
    except (UnknownModelError, UnknownVersionError) as error:
        name, version = request.path_params["name"], request.path_params.get("version")
        wanted = f"Latest({shown(name)[1:-1]})" if version is None else f"Specific({shown(name)[1:-1]}, {shown(version)[1:-1]})"
        raise type(error)(f"Servable not found for request: {wanted}. {error}") from None


def _status(version: Version) -> VersionStatus:
    answers = version.state in {"served", "loaded"}
    error = VersionError(error_code="FAILED_PRECONDITION" if version.reason else "OK", error_message=version.reason or "")
    return VersionStatus(version=str(version.version), state="AVAILABLE" if answers else "END", status=error)


def _tensor(dtype: Literal["DT_UINT8", "DT_FLOAT"], shape: tuple[int, ...], name: str) -> TensorInfo:
    return TensorInfo(dtype=dtype, tensor_shape=TensorShape(dim=[Dimension(size=str(each)) for each in (-1, *shape)]), name=name)

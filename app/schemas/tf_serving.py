"""TensorFlow Serving's REST API: what it is asked and what it answers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.common import example

BLANK = "iVBORw0KGgoAAAANSUhEUgAAABwAAAAcCAAAAABXZoBIAAAAEElEQVR4nGNgGAWjYBQQAwADLAABPwpG8wAAAABJRU5ErkJggg=="
"""A black PNG of 28x28."""


class EncodedPicture(BaseModel):
    """A file of an accepted type."""

    model_config = ConfigDict(extra="forbid")

    b64: str = Field(description="In base64")


Instance = Annotated[list[Any], Field(description="28 rows of 28 lists of a grey level")] | EncodedPicture


class NamedInputs(BaseModel):
    """The images under their input's name."""

    model_config = ConfigDict(extra="forbid")

    image: list[Instance] = Field(min_length=1)


class PredictRequest(BaseModel):
    """Either `instances`, one image each, or `inputs`, all of them; a picture is `{"b64": "…"}`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"instances": [{"b64": BLANK}]}],
            "oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}],
        }
    )

    signature_name: Literal["serving_default", ""] = "serving_default"
    instances: list[Instance] = Field(default_factory=list, min_length=1, description="An image each")
    inputs: list[Instance] | NamedInputs = Field(default_factory=list, min_length=1, description="The images, or `image` with them")


class InstancePrediction(BaseModel):
    """The outputs for one image."""

    probabilities: list[float]
    logits: list[float]


class Outputs(BaseModel):
    """The outputs, each for all images."""

    probabilities: list[list[float]]
    logits: list[list[float]]


class PredictResponse(BaseModel):
    """`predictions` in answer to `instances`, `outputs` in answer to `inputs`."""

    model_config = example({"predictions": [{"probabilities": [0.001] * 9 + [0.991], "logits": [0.0] * 9 + [6.9]}]})

    predictions: list[InstancePrediction] | None = None
    outputs: Outputs | None = None


class VersionError(BaseModel):
    """Why a version is not available."""

    error_code: Literal["OK", "FAILED_PRECONDITION"]
    error_message: str


class VersionStatus(BaseModel):
    """The state of one version."""

    version: str
    state: Literal["AVAILABLE", "END"]
    status: VersionError


class ModelStatus(BaseModel):
    """The state of a model's versions, with what KServe's V1 clients look for."""

    model_config = example(
        {
            "name": "cnn",
            "ready": True,
            "model_version_status": [{"version": "2", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}],
        }
    )

    name: str
    ready: Literal[True] = True
    model_version_status: list[VersionStatus]


class ModelNames(BaseModel):
    """Every model that answers."""

    model_config = example({"models": ["ann", "cnn", "resnet"]})

    models: list[str]


class Dimension(BaseModel):
    """Of a tensor; -1 is any length."""

    size: str
    name: str = ""


class TensorShape(BaseModel):
    """The dimensions of a tensor."""

    dim: list[Dimension]
    unknown_rank: bool = False


class TensorInfo(BaseModel):
    """A tensor of a signature; `name` is its name in the graph."""

    dtype: Literal["DT_UINT8", "DT_FLOAT"]
    tensor_shape: TensorShape
    name: str


class SignatureDef(BaseModel):
    """What a signature takes and gives."""

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]
    method_name: str = "tensorflow/serving/predict"


class SignatureDefMap(BaseModel):
    """The signatures by name."""

    signature_def: dict[str, SignatureDef]


class Metadata(BaseModel):
    """What is known of a model, by kind."""

    signature_def: SignatureDefMap


class ModelSpec(BaseModel):
    """Which model it is about."""

    name: str
    signature_name: str = ""
    version: str


class SignatureMetadata(BaseModel):
    """The signature of a model, as TensorFlow Serving describes it."""

    model_config = example(
        {
            "model_spec": {"name": "cnn", "signature_name": "", "version": "2"},
            "metadata": {"signature_def": {"signature_def": {"serving_default": {"inputs": {}, "outputs": {}, "method_name": ""}}}},
        }
    )

    model_spec: ModelSpec
    metadata: Metadata

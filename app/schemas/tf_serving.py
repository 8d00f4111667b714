"""TensorFlow Serving's REST API: what it is asked and what it answers."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.schemas.common import example


class PredictRequest(BaseModel):
    """Either `instances`, one image each, or `inputs`, all of them; a picture is `{"b64": "…"}`."""

    model_config = example({"instances": [{"b64": "iVBORw0KGgo="}]})

    signature_name: Literal["serving_default", ""] = "serving_default"
    instances: list[Any] | None = Field(default=None, description="An image each: 28 rows of 28 lists of a grey level, or a picture")
    inputs: Any = Field(default=None, description="The images, or `image` with them")


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

    name: str
    ready: Literal[True] = True
    model_version_status: list[VersionStatus]


class ModelNames(BaseModel):
    """Every model that answers."""

    models: list[str]

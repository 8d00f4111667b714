"""The Open Inference Protocol, V2, with Triton's extensions for binary tensors and classification."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from app.schemas.common import Open, example

Datatype = Literal["UINT8", "FP32", "BYTES"]


class InferenceError(BaseModel):
    """Every error under `/v1` and `/v2`, as the clients of these protocols expect it."""

    model_config = example({"error": "There is no model 'vgg': choose one of ann, cnn, resnet."})

    error: str = Field(description="What was wrong, and what to do")


class TensorMetadata(BaseModel):
    """An input or an output of a model."""

    name: str
    datatype: Datatype
    shape: list[int] = Field(description="-1 is any length: the number of images")


class ServerMetadata(BaseModel):
    """What answers, and which extensions of the protocol it knows."""

    model_config = example({"name": "wardrobe", "version": "0.1.0", "extensions": ["binary_tensor_data", "classification"]})

    name: str
    version: str
    extensions: list[str]


class ModelMetadata(BaseModel):
    """What a model takes and gives."""

    model_config = example(
        {
            "name": "cnn",
            "versions": ["2", "1"],
            "platform": "tensorflow_savedmodel",
            "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 28, 28, 1]}],
            "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}],
        }
    )

    name: str
    versions: list[str] = Field(description="The loaded ones, the highest first")
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class Live(BaseModel):
    """The process lives."""

    model_config = example({"live": True})

    live: Literal[True] = True


class Ready(BaseModel):
    """Every required model answers."""

    model_config = example({"ready": True})

    ready: Literal[True] = True


class ModelReady(Ready):
    """This model answers."""

    model_config = example({"ready": True, "name": "cnn"})

    name: str


class TensorConfig(BaseModel):
    """An input or an output, without the dimension of the batch."""

    name: str
    data_type: Literal["TYPE_UINT8", "TYPE_FP32"]
    dims: list[int]


class SpecificVersions(BaseModel):
    """The loaded versions, the highest first."""

    versions: list[int]


class VersionPolicy(BaseModel):
    """Which versions answer."""

    specific: SpecificVersions


class ModelConfig(BaseModel):
    """A model as Triton's configuration describes one ("Model Configuration")."""

    model_config = example(
        {
            "name": "cnn",
            "platform": "tensorflow_savedmodel",
            "backend": "tensorflow",
            "version_policy": {"specific": {"versions": [2, 1]}},
            "max_batch_size": 16384,
            "input": [{"name": "image", "data_type": "TYPE_UINT8", "dims": [28, 28, 1]}],
            "output": [{"name": "probabilities", "data_type": "TYPE_FP32", "dims": [10]}],
        }
    )

    name: str
    platform: str
    backend: str
    version_policy: VersionPolicy
    max_batch_size: int
    input: list[TensorConfig]
    output: list[TensorConfig]


class Duration(BaseModel):
    """How often something was done, and the nanoseconds it took in all."""

    count: int = 0
    ns: int = 0


class InferenceStatistics(BaseModel):
    """By step; what is not timed apart is 0."""

    success: Duration
    fail: Duration = Duration()
    queue: Duration = Duration()
    compute_input: Duration = Duration()
    compute_infer: Duration
    compute_output: Duration = Duration()
    cache_hit: Duration = Duration()
    cache_miss: Duration = Duration()


class VersionStatistics(BaseModel):
    """What a version did since the service started, in all workers."""

    name: str
    version: str
    inference_count: int = Field(description="Images")
    execution_count: int = Field(description="Runs of the graph, one for a request")
    inference_stats: InferenceStatistics
    batch_stats: list[Any] = Field(default=[], description="Always empty")


class ModelStatistics(BaseModel):
    """Triton's statistics, as far as they are counted here; `/telemetry` has more."""

    model_config = example({"model_stats": []})

    model_stats: list[VersionStatistics]


class InputParameters(Open):
    """Of one input."""

    binary_data_size: int | None = Field(default=None, ge=0, description="Bytes of this tensor after the JSON, instead of `data`")
    shared_memory_region: str | None = Field(default=None, description="Refused: this service shares no memory with its clients")


class InferInput(BaseModel):
    """The images."""

    name: str = Field(json_schema_extra={"enum": ["image"]})
    shape: list[int] = Field(description="`[n, 28, 28, 1]`")
    datatype: str = Field(json_schema_extra={"enum": ["UINT8"]})
    parameters: InputParameters = InputParameters()
    data: list[Any] | None = Field(default=None, description="Pixels, 0 to 255, as one flat list or nested")


class OutputParameters(Open):
    """Of one requested output."""

    binary_data: bool | None = Field(default=None, description="Whether it follows the JSON as raw little-endian bytes")
    classification: int = Field(default=0, ge=0, description="If not 0, answer with so many of the best classes, as `value:index:label`")
    shared_memory_region: str | None = Field(default=None, description="Refused: this service shares no memory with its clients")


class RequestedOutput(BaseModel):
    """One output that is wanted."""

    name: str = Field(json_schema_extra={"enum": ["probabilities", "logits"]})
    parameters: OutputParameters = OutputParameters()


class RequestParameters(Open):
    """Of the whole request."""

    binary_data_output: bool = Field(default=False, description="Whether outputs that say nothing else follow the JSON as bytes")


class InferRequest(BaseModel):
    """One input, `image`: uint8 `[n, 28, 28, 1]`, light garments on dark ground."""

    model_config = example({"inputs": [{"name": "image", "shape": [1, 28, 28, 1], "datatype": "UINT8", "data": [0] * 784}]})

    id: str | None = Field(default=None, max_length=256, description="Repeated in the answer")
    parameters: RequestParameters = RequestParameters()
    inputs: list[InferInput] = Field(json_schema_extra={"minItems": 1, "maxItems": 1})
    outputs: list[RequestedOutput] | None = Field(default=None, max_length=16, description="By default all, in the model's order")


class InferOutput(BaseModel):
    """A tensor of the answer."""

    name: str
    datatype: Datatype
    shape: list[int]
    parameters: dict[str, Any] | None = Field(default=None, description="`binary_data_size`, where its bytes follow the JSON")
    data: list[float | str] | None = Field(default=None, description="Flat, in row-major order")


class InferResponse(BaseModel):
    """A model's answer for every image."""

    model_config = example(
        {
            "model_name": "cnn",
            "model_version": "2",
            "outputs": [{"name": "probabilities", "datatype": "BYTES", "shape": [1, 1], "data": ["0.999462:9:Ankle boot"]}],
        }
    )

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[InferOutput]


class RepositoryRequest(BaseModel):
    """Which versions to list."""

    ready: bool = Field(default=False, description="Only those that answer")


class RepositoryEntry(BaseModel):
    """A version in the models folder."""

    model_config = example({"name": "cnn", "version": "2", "state": "READY", "reason": ""})

    name: str
    version: str
    state: Literal["READY", "UNAVAILABLE"]
    reason: str

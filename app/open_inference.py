"""The Open Inference Protocol: the bytes of a request to those of its answer.

A request, and an answer, is a JSON object, after which raw tensors may follow in order; then the length of the JSON is told apart from
them ("Binary data extension", Triton Inference Server).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from pydantic_core import to_json

from app import tensors
from app.errors import MalformedRequestError, shown
from app.model import Model
from app.runtime import Images, Output
from app.schemas.open_inference import InferInput, InferRequest, OutputParameters, RequestedOutput
from app.tensors import INPUT

INPUT_DATATYPE = "UINT8"
SHARED_MEMORY = "Shared memory is not served, as a client could read what is not its own: send the tensor in the request."


@dataclass(frozen=True)
class Message:
    """The JSON and the raw tensors after it; `json_length` is None where there are none."""

    body: bytes
    json_length: int | None = None


def answer(model: Model, request: Message, at_most: int) -> Message:
    """Classify the images of a request, `at_most` so many.

    Raises:
        MalformedRequestError: It does not follow the protocol, or the model has no such input or output.
    """
    images, asked = _read(request, at_most)
    output = model.classify(images)
    wanted = asked.outputs if asked.outputs is not None else [RequestedOutput(name=name) for name in Output._fields]
    described, tails = [], []
    for each in wanted:
        if each.name not in Output._fields:
            raise MalformedRequestError(f"There is no output {shown(each.name)}: choose from {', '.join(Output._fields)}.")
        binary = each.parameters.binary_data
        description, tail = _encoded(
            each, getattr(output, each.name), model.labels, asked.parameters.binary_data_output if binary is None else binary
        )
        described.append(description)
        tails.append(tail)
    head = {"model_name": model.name, "model_version": str(model.version), **({"id": asked.id} if asked.id else {}), "outputs": described}
    content, tail = to_json(head), b"".join(tails)
    return Message(content + tail, len(content) if tail else None)


def _read(request: Message, at_most: int) -> tuple[Images, InferRequest]:
    """The images, uint8 `[n, 28, 28, 1]`, and what is asked about them."""
    if request.json_length == 0:  # a raw tensor and nothing else
        return _bounded(tensors.of_bytes(request.body), at_most), InferRequest(inputs=[], parameters={"binary_data_output": True})
    length = len(request.body) if request.json_length is None else request.json_length
    if length > len(request.body):
        raise MalformedRequestError(f"The JSON of {length} bytes is longer than the body of {len(request.body)}.")
    try:
        asked = InferRequest.model_validate_json(request.body[:length])
    except ValidationError as error:
        raise MalformedRequestError(f"The request does not follow the Open Inference Protocol: {_first(error)}.") from None
    if [each.name for each in asked.inputs] != [INPUT]:
        names = ", ".join(shown(each.name) for each in asked.inputs[:4]) or "none"
        raise MalformedRequestError(f"The inputs are {names} and must be one: {INPUT}.")
    return _bounded(_images(asked.inputs[0], memoryview(request.body)[length:]), at_most), asked


def _images(given: InferInput, tail: memoryview) -> Images:
    if given.parameters.shared_memory_region is not None:
        raise MalformedRequestError(SHARED_MEMORY)
    if given.datatype != INPUT_DATATYPE:
        raise MalformedRequestError(
            f"The input {INPUT} has the datatype {shown(given.datatype)} and must be {INPUT_DATATYPE}: pixels as they are, 0 to 255."
        )
    expected = [given.shape[0] if given.shape else 0, *tensors.IMAGE_SHAPE]
    if given.shape != expected or expected[0] < 1:
        raise MalformedRequestError(
            f"The input {INPUT} has the shape {given.shape[:8]} and must have [n, {str(expected[1:])[1:]}, n at least 1."
        )
    size = given.parameters.binary_data_size
    if (size is None) == (given.data is None):
        raise MalformedRequestError(f"The input {INPUT} must have either data or the parameter binary_data_size.")
    if (size or 0) != len(tail):
        raise MalformedRequestError(
            f"After the JSON there are {len(tail)} bytes of tensors and must be {size or 0}, as its binary_data_size says."
        )
    images = tensors.of_bytes(tail) if given.data is None else tensors.of_values(given.data)
    if len(images) != expected[0]:
        raise MalformedRequestError(f"The input {INPUT} has {len(images)} images, but its shape {given.shape} says {expected[0]}.")
    return images


def _bounded(images: Images, at_most: int) -> Images:
    if len(images) > at_most:
        raise MalformedRequestError(f"The request has {len(images)} images and may have {at_most}: send them in several.")
    return images


def _encoded(wanted: RequestedOutput, values: npt.NDArray[np.float32], labels: list[str], binary: bool) -> tuple[dict[str, Any], bytes]:
    """The description of an output, and its bytes where they follow the JSON."""
    parameters: OutputParameters = wanted.parameters
    if parameters.shared_memory_region is not None:
        raise MalformedRequestError(SHARED_MEMORY)
    if parameters.classification:
        classes = _best(values, labels, parameters.classification)
        shape, datatype = [len(values), len(classes) // len(values)], "BYTES"
        raw = b"".join(len(each).to_bytes(4, "little") + each for each in map(str.encode, classes)) if binary else b""
        data: list[Any] = classes
    else:
        shape, datatype = list(values.shape), "FP32"
        raw = values.astype("<f4", copy=False).tobytes() if binary else b""
        data = [] if binary else values.ravel().tolist()
    content = {"parameters": {"binary_data_size": len(raw)}} if binary else {"data": data}
    return {"name": wanted.name, "datatype": datatype, "shape": shape, **content}, raw


def _best(values: npt.NDArray[np.float32], labels: list[str], count: int) -> list[str]:
    """The highest values of each image, as `value:index:label`, image after image ("Classification extension", Triton)."""
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    return [f"{row[index]:f}:{index}:{labels[index]}" for row, best in zip(values, order, strict=True) for index in best]


def _first(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, wrong["loc"]))
    return f"{where}: {wrong['msg']}" if where else wrong["msg"]

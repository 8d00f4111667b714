"""The Open Inference Protocol: the bytes of a request to images, and their answers to bytes.

A request, and an answer, is a JSON object, after which raw tensors may follow in order; then the length of the JSON is told apart from
them ("Binary data extension", Triton Inference Server).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from app import tensors
from app.errors import MalformedRequestError, shown
from app.json_array import json_array
from app.message import Message
from app.runtime import Images, Output
from app.schemas.open_inference import InferInput, InferRequest, RequestedOutput
from app.tensors import INPUT

if TYPE_CHECKING:  # it counts, which the process that reads must not
    from app.model import Model

INPUT_DATATYPE = "UINT8"
MOST_BESIDE = 64 * 1024
"""Bytes of JSON beside the tensors of a request."""
MOST_INPUTS = 16
"""Of a request, whose tensors are not counted among these; a model has one."""
SHARED_MEMORY = "Shared memory is not served, as a client could read what is not its own: send the tensor in the request."


@dataclass(frozen=True)
class Wanted:
    """An output that is asked for: as raw bytes or not, and if `classes` is not 0, so many of the best ones instead of the values."""

    name: str
    is_binary: bool
    classes: int = 0


@dataclass(frozen=True)
class Request:
    """The images of a request, uint8 `[n, 28, 28, 1]`, and what is asked about them."""

    images: Images
    outputs: list[Wanted]
    id: str | None = None


def read(message: Message, at_most: int) -> Request:
    """The images of a request, `at_most` so many.

    Raises:
        MalformedRequestError: It does not follow the protocol, or asks for an output that there is not.
    """
    if message.json_length == 0:  # a raw tensor and nothing else
        return Request(_bounded(tensors.of_bytes(message.body), at_most), [Wanted(each, is_binary=True) for each in Output._fields])
    length = len(message.body) if message.json_length is None else message.json_length
    if length > len(message.body):
        raise MalformedRequestError(f"The JSON of {length} bytes is longer than the body of {len(message.body)}.")
    asked = _asked(message.body[:length])
    if [each.name for each in asked.inputs] != [INPUT]:
        names = ", ".join(shown(each.name) for each in asked.inputs[:4]) or "none"
        raise MalformedRequestError(f"The inputs are {names} and must be one: {INPUT}.")
    images = _bounded(_images(asked.inputs[0], memoryview(message.body)[length:]), at_most)
    outputs = asked.outputs if asked.outputs is not None else [RequestedOutput(name=each) for each in Output._fields]
    return Request(images, [_wanted(each, asked.parameters.binary_data_output) for each in outputs], asked.id)


def answer(model: Model, request: Request) -> Message:
    """Classify the images."""
    output = model.classify(request.images)
    described, tails = [], []
    for each in request.outputs:
        description, tail = _encoded(each, getattr(output, each.name), model.labels)
        described.append(description)
        tails.append(tail)
    head = {"model_name": model.name, "model_version": str(model.version), **({"id": request.id} if request.id else {})}
    content, tail = to_json(head)[:-1] + b',"outputs":[' + b",".join(described) + b"]}", b"".join(tails)
    return Message(content + tail, len(content) if tail else None)


def _asked(content: bytes) -> InferRequest:
    """The JSON, checked; a long one but for the values of its tensors, which would take twice the memory, and an error each."""
    values: dict[int, list[Any]] = {}
    if len(content) > MOST_BESIDE:
        content, values = _apart(content)
    try:
        asked = InferRequest.model_validate_json(content, strict=True)
    except ValidationError as error:
        raise _unlike(_first(error)) from None
    for place, data in values.items():
        asked.inputs[place].data = data
    return asked


def _apart(content: bytes) -> tuple[bytes, dict[int, list[Any]]]:
    """The JSON with empty lists for the values of its inputs, and these by the input's place."""
    try:
        request = from_json(content)
    except ValueError as error:
        raise _unlike(f"Invalid JSON: {error}") from None
    inputs = request.get("inputs") if isinstance(request, dict) else None
    few = inputs[:MOST_INPUTS] if isinstance(inputs, list) else []
    values = {place: each["data"] for place, each in enumerate(few) if isinstance(each, dict) and isinstance(each.get("data"), list)}
    for place in values:
        few[place]["data"] = []
    rest = to_json(request)
    if len(rest) > MOST_BESIDE:
        raise _unlike(f"the JSON has {len(rest):,} bytes beside its tensors and may have {MOST_BESIDE:,}")
    return rest, values


def _unlike(reason: str) -> MalformedRequestError:
    return MalformedRequestError(f"The request does not follow the Open Inference Protocol: {reason}.")


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


def _wanted(output: RequestedOutput, binary: bool) -> Wanted:
    """One output, `binary` where it does not say itself."""
    if output.name not in Output._fields:
        raise MalformedRequestError(f"There is no output {shown(output.name)}: choose from {', '.join(Output._fields)}.")
    parameters = output.parameters
    if parameters.shared_memory_region is not None:
        raise MalformedRequestError(SHARED_MEMORY)
    return Wanted(output.name, binary if parameters.binary_data is None else parameters.binary_data, parameters.classification)


def _encoded(wanted: Wanted, values: npt.NDArray[np.float32], labels: list[str]) -> tuple[bytes, bytes]:
    """The JSON of an output, and its bytes where they follow all JSON."""
    data: list[Any]
    if wanted.classes:
        data = classes = _best(values, labels, wanted.classes)
        shape, datatype = [len(values), len(classes) // len(values)], "BYTES"
        raw = b"".join(len(each).to_bytes(4, "little") + each for each in map(str.encode, classes)) if wanted.is_binary else b""
    else:
        shape, datatype = list(values.shape), "FP32"
        raw = values.astype("<f4", copy=False).tobytes() if wanted.is_binary else b""
        data = [] if wanted.is_binary else values.ravel().tolist()
    head = {"name": wanted.name, "datatype": datatype, "shape": shape}
    if wanted.is_binary:
        return to_json({**head, "parameters": {"binary_data_size": len(raw)}}), raw
    return to_json(head)[:-1] + b',"data":' + json_array(data) + b"}", b""


def _best(values: npt.NDArray[np.float32], labels: list[str], count: int) -> list[str]:
    """The highest values of each image, as `value:index:label`, image after image ("Classification extension", Triton)."""
    order = np.argsort(-values, axis=1, kind="stable")[:, :count]
    return [f"{row[index]:f}:{index}:{labels[index]}" for row, best in zip(values, order, strict=True) for index in best]


def _first(error: ValidationError) -> str:
    wrong = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(map(str, wrong["loc"]))
    return f"{where}: {wrong['msg']}" if where else wrong["msg"]

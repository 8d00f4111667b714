"""TensorFlow Serving's REST API: the JSON of a predict request to images, and their answers to JSON; with its words for what is wrong."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic_core import from_json, to_json

from app import tensors
from app.errors import MalformedRequestError, shown
from app.images import Picture
from app.images import decode as decode_picture
from app.json_array import json_array
from app.message import Message
from app.runtime import Images, Output
from app.tensors import INPUT

if TYPE_CHECKING:  # it counts, which the process that reads must not
    from app.model import Model

SIGNATURE = "serving_default"

Decode = Callable[[bytes], Picture]


@dataclass(frozen=True)
class Request:
    """The images of a request, uint8 `[n, 28, 28, 1]`, and whether each has its own answer or each output has one for all."""

    images: Images
    by_row: bool


def read(message: Message, at_most: int, max_pixels: int) -> Request:
    """The `instances`, or the `inputs`, of a request, `at_most` so many.

    An image is 28 rows of 28 lists with a grey level, or a picture: `{"b64": "…"}` of a file.

    Raises:
        RequestError: The request is not of either form, or a picture can't be used.
    """
    request = _json(message.body)
    decode = partial(decode_picture, fit="strict", max_pixels=max_pixels)
    if (signature := request.get("signature_name", SIGNATURE)) not in (SIGNATURE, ""):
        raise MalformedRequestError(f'Serving signature name: "{shown(signature)[1:-1]}" not found in signature def: use {SIGNATURE}.')
    if "instances" in request:
        if "inputs" in request:
            raise MalformedRequestError("The request has both, but expecting only one of 'inputs' or 'instances'.")
        return Request(_images([_named(each) for each in _listed(request["instances"], "instances", at_most)], decode), by_row=True)
    if "inputs" not in request:
        raise MalformedRequestError("Missing 'inputs' or 'instances' key: send {\"instances\": [image, …]}.")
    return Request(_images(_listed(_named(request["inputs"]), "inputs", at_most), decode), by_row=False)


def answer(model: Model, request: Request) -> Message:
    """Classify the images: an answer to each, or one by output."""
    output = model.classify(request.images)
    values = [each.tolist() for each in output]
    if request.by_row:
        rows = (dict(zip(Output._fields, row, strict=True)) for row in zip(*values, strict=True))
        return Message(b'{"predictions":' + json_array(rows) + b"}")
    columns = (to_json(name) + b":" + json_array(each) for name, each in zip(Output._fields, values, strict=True))
    return Message(b'{"outputs":{' + b",".join(columns) + b"}}")


def _json(body: bytes) -> dict[str, Any]:
    if not body.strip():
        raise MalformedRequestError("JSON Parse error: The document is empty")
    try:
        content = from_json(body)
    except ValueError as error:
        raise MalformedRequestError(f"JSON Parse error: {error}") from None
    if not isinstance(content, dict):
        raise MalformedRequestError('JSON Parse error: The document is not an object: send {"instances": [image, …]}.')
    return content


def _named(value: Any) -> Any:
    """The value of the only input, which may be given under its name."""
    if not isinstance(value, dict) or list(value) == ["b64"]:
        return value
    if list(value) != [INPUT]:
        raise MalformedRequestError(
            f"The inputs are {', '.join(shown(each) for each in list(value)[:4]) or 'none'} and must be one: {INPUT}."
        )
    return value[INPUT]


def _listed(value: Any, key: str, at_most: int) -> Sequence[Any]:
    if not isinstance(value, list) or not value:
        raise MalformedRequestError(f"The value of '{key}' is not of expected type: a list of images, one at least.")
    if len(value) > at_most:
        raise MalformedRequestError(f"The request has {len(value)} images and may have {at_most}: send them in several.")
    return value


def _images(values: Sequence[Any], decode: Decode) -> Images:
    return np.concatenate([_image(each, decode) for each in values])


def _image(value: Any, decode: Decode) -> Images:
    if not isinstance(value, dict):
        return tensors.image_of_values(value)
    if list(value) != ["b64"] or not isinstance(value["b64"], str):
        raise MalformedRequestError('An image is not of expected type: a nested list of pixels, or {"b64": "…"} of a picture.')
    try:
        content = base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedRequestError(f"A picture's b64 is no base64: {error}.") from None
    return decode(content).pixels[np.newaxis, ..., np.newaxis]

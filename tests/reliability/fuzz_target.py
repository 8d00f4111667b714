"""What the coverage-guided fuzzer calls: `python -m tests.reliability.fuzz_target TARGET CORPUS`, then libFuzzer's options.

An exception that is not a `RequestError` is a finding, and so is a crash, an input that takes seconds, or one that takes gigabytes.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import atheris

with atheris.instrument_imports(include=["app", "PIL", "multipart"]):
    import multipart as multipart_parser  # noqa: F401
    from PIL import BmpImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin  # noqa: F401

    from app import codings, images, open_inference, tf_serving, uploads
    from app.errors import RequestError
    from app.message import Message
    from app.model import Model

from starlette.requests import Request

MAX_PIXELS = 250_000
"""As many as a fuzzer can decode often; what the limit itself keeps out is tested on a real server."""
MODEL = Path("models/cnn/1")
FORM = b"multipart/form-data; boundary=b"


def image(content: bytes) -> None:
    """An upload, as it is and as a photo."""
    tried(lambda: images.decode(content, "strict", MAX_PIXELS))
    tried(lambda: images.decode(content, "garment", MAX_PIXELS))


def multipart(content: bytes) -> None:
    """A form, its body in one piece and in two."""
    half = len(content) // 2
    tried(lambda: finished(uploads.images(form([content]), 4)))
    tried(lambda: finished(uploads.images(form([content[:half], content[half:]]), 4)))


def tensor(content: bytes) -> None:
    """A request in both protocols, its tensors as JSON or raw, and a compressed body."""
    tried(lambda: tf_serving.answer(model(), tf_serving.read(Message(content), 16, MAX_PIXELS)))
    for message in (Message(content), Message(content, 0), Message(content, len(content) // 2)):
        tried(lambda message=message: open_inference.answer(model(), open_inference.read(message, 16)))  # type: ignore[misc]
    for coding in ("gzip", "deflate"):
        tried(lambda coding=coding: codings.decompressed(content, coding, 100_000))  # type: ignore[misc]


def tried(work: Callable[[], object]) -> None:
    """Do the `work`, which may refuse its input."""
    try:
        work()
    except RequestError:
        return


def form(pieces: list[bytes]) -> Request:
    """A request whose body arrives in these pieces."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    return Request({"type": "http", "method": "POST", "path": "/predict/batch", "headers": [(b"content-type", FORM)]}, receive)


def finished(coroutine: Coroutine[Any, Any, object]) -> object:
    """What a coroutine returns that never has to wait."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the body was not there at once")


@functools.cache
def model() -> Model:
    """A committed model."""
    return Model(MODEL, "litert")


TARGETS = {"image": image, "multipart": multipart, "tensor": tensor}

if __name__ == "__main__":
    _, name, *rest = sys.argv
    atheris.Setup([sys.argv[0], *rest], TARGETS[name])
    atheris.Fuzz()

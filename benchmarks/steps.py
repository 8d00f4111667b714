"""What each step of a prediction takes inside the application: `python -m benchmarks.steps`.

The same upload goes through the real application in this process, without a server, some requests with a step left out and some
with it, in turn, so that whatever else the machine does falls on both. A step alone in a loop takes half of this: here its code
and its data have to come back into the processor's caches first.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging.config
import statistics
import time
import timeit
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import uvloop
from fastapi import FastAPI
from starlette.routing import Route

from app import classifier, images, logs, model, prediction, telemetry, uploads
from app.main import create_app
from app.runtime import AT_ONCE, Batched, Images, litert
from app.settings import Settings
from benchmarks.serving.upload import MODEL, ROOT, Body, Upload, content_type
from benchmarks.serving.upload import uploads as golden

IN_A_ROW = 8
"""Requests in a row with the step or without it; the first of them, which finds the caches as the others left them, is not counted."""
PERCENTILE = 25
"""Of the requests' times; the slower ones tell of the machine."""


def main() -> None:
    """Print a table in microseconds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps", description=__doc__)
    parser.add_argument("--turns", type=int, default=150, help="of each step, with and without it (default: 150)")
    parser.add_argument("--raw", action="store_true", help="send the PNG as the body instead of a form")
    options = parser.parse_args()
    silent = {
        **logs.config("info"),
        "handlers": {"stdout": {"class": "logging.StreamHandler", "formatter": "json", "stream": io.StringIO()}},
    }
    logging.config.dictConfig(silent)
    uvloop.run(_measure(options.turns, "raw" if options.raw else "multipart"))


async def _measure(turns: int, kind: Body) -> None:
    app = create_app(Settings())
    upload = golden()[0]
    async with app.router.lifespan_context(app) as state:
        ask = _asker(app, dict(state or {}), upload, kind)
        for _ in range(500):
            await ask()
        whole = []
        for title, leave_out in _steps(app, upload).items():
            with_it, without = [], []
            for _ in range(turns):
                with_it += [await ask() for _ in range(IN_A_ROW)][1:]
                with leave_out():
                    without += [await ask() for _ in range(IN_A_ROW)][1:]
            whole.append(_typical(with_it))
            print(f"{title:40s} {abs(_typical(with_it) - _typical(without)):6.0f} us", flush=True)
        print(f"{'the whole request, without HTTP':40s} {statistics.median(whole):6.0f} us")
    for name in ("ann", "cnn", "resnet"):
        run = litert(sorted((ROOT / "models" / name).glob("[0-9]*"))[-1])
        one, many = (min(timeit.repeat(partial(run, images), number=50, repeat=5)) / 50 * 1e6 for images in (_blank(1), _blank(AT_ONCE)))
        print(f"{f'the {name} alone, in a loop':40s} {one:6.0f} us for an image, {many:.0f} us for {AT_ONCE} at once")


def _blank(count: int) -> Images:
    return np.zeros((count, 28, 28, 1), np.uint8)


def _steps(app: FastAPI, upload: Upload) -> dict[str, Callable[[], contextlib.AbstractContextManager[Any]]]:
    picture = images.decode(upload.png, "strict", 784)
    loaded = model.Model(MODEL, "litert")
    output = loaded.run(picture.pixels[None, ..., None])
    [answer] = prediction.predict(loaded, [picture], "strict")

    async def form(request: Any) -> bytes:
        return upload.png

    @contextlib.contextmanager
    def quiet() -> Iterator[None]:
        logger = logging.getLogger("app.request")
        logger.setLevel(logging.ERROR)
        yield
        logger.setLevel(logging.NOTSET)

    return {
        "reading the upload": lambda: mock.patch.object(uploads, "image", form),
        "decoding": lambda: mock.patch.object(classifier, "decode", lambda *_: picture),
        "decoding and classifying": lambda: _both(picture, answer),
        "  the engine": lambda: mock.patch.object(Batched, "__call__", lambda *_: output),
        "  familiarity": lambda: mock.patch.object(model.Model, "more_familiar", lambda *_: [None]),
        "  other warnings": lambda: mock.patch.object(prediction, "advice", lambda *_: []),
        "counting": _uncounted,
        "the log line": quiet,
        "FastAPI, which is passed by, would add": lambda: _through_fastapi(app),
    }


@contextlib.contextmanager
def _both(picture: images.Picture, answer: Any) -> Iterator[None]:
    with mock.patch.object(classifier, "decode", lambda *_: picture), mock.patch.object(classifier, "predict", lambda *_: [answer]):
        yield


@contextlib.contextmanager
def _uncounted() -> Iterator[None]:
    def nothing(*_: object) -> None:
        pass

    with (
        mock.patch.object(telemetry.ModelTelemetry, "answered", nothing),
        mock.patch.object(telemetry.RequestTelemetry, "finished", nothing),
        mock.patch.object(telemetry.IN_FLIGHT, "inc", nothing),
        mock.patch.object(telemetry.IN_FLIGHT, "dec", nothing),
    ):
        yield


@contextlib.contextmanager
def _through_fastapi(app: FastAPI) -> Iterator[None]:
    routes = app.router.routes
    app.router.routes = [each for each in routes if type(each) is not Route]
    yield
    app.router.routes = routes


def _asker(app: FastAPI, state: dict[str, Any], upload: Upload, kind: Body) -> Callable[[], Any]:
    body = upload.body(kind)
    headers = [(b"host", b"localhost"), (b"content-type", content_type(kind).encode()), (b"content-length", str(len(body)).encode())]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/predict",
        "raw_path": b"/predict",
    }
    scope |= {"query_string": b"model=cnn", "root_path": "", "scheme": "http", "server": ("127.0.0.1", 8000), "client": ("127.0.0.1", 1)}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def ask() -> float:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        began = time.perf_counter()
        await app({**scope, "headers": headers, "state": dict(state)}, receive, send)
        took = time.perf_counter() - began
        assert sent[0]["status"] == 200, sent
        return took

    return ask


def _typical(seconds: Sequence[float]) -> float:
    return statistics.quantiles(seconds, n=100)[PERCENTILE - 1] * 1e6


if __name__ == "__main__":
    main()

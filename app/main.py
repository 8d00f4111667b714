"""The application, put together."""

from __future__ import annotations

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import anyio
from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from app import VERSION, logs, openapi, problems, supervisor, workers
from app.access import Access
from app.admission import Admission
from app.body_limits import BodyLimit, BodyLimits
from app.classifier import Classifier
from app.compression import Compression
from app.connections import Connections
from app.draining import Draining
from app.readiness import Readiness
from app.repository import Repository
from app.request_context import RequestContext
from app.routes import comparison, direct, health, metrics, models, open_inference, predict, telemetry, tf_serving, web
from app.settings import Settings
from app.stopping import Stopping
from app.tally import folder
from app.watchdog import Watchdog

DESCRIPTION = """Fashion-MNIST classifiers and the proof of how good each is.

`POST /predict?model=cnn` classifies an image, `GET /metrics` holds the stored evaluation, `GET /telemetry` live figures for Prometheus,
`GET /models` says what is served. `/v2` is the Open Inference Protocol, `/v1` TensorFlow Serving's REST API, for tensors and their clients.
Errors are RFC 9457 problems, under `/v1` and `/v2` an `error`; every answer has an `X-Request-ID`."""

NO_TRACING: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}
"""What FastAPI would otherwise look for at each request: providers of OpenTelemetry."""


class State(TypedDict):
    """What a request finds in `request.state`, and a connection in the state that uvicorn hands it."""

    repository: Repository
    classifier: Classifier
    connections: Connections
    readiness: Readiness


def create_app(settings: Settings) -> FastAPI:
    """The service with its models loaded on start-up; models that can't be loaded are reported, not fatal."""

    tracing = None
    if settings.tracing:
        from app.tracing import Tracing  # imports the SDK, which is optional

        tracing = Tracing()

    stopping = Stopping(settings.drain_seconds)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[State]:
        if files := folder():
            workers.fold(files)
        repository, classifier, connections = Repository(settings), Classifier(settings), Connections(settings)
        readiness = Readiness(stopping)
        gc.freeze()  # what is loaded stays: a collection that went through it would hold up every request for 60 ms
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connections.watch)
            if settings.reload_seconds:
                tasks.start_soon(repository.watch)
            with Watchdog(settings.watchdog_seconds), stopping.signals():
                yield {"repository": repository, "classifier": classifier, "connections": connections, "readiness": readiness}
            tasks.cancel_scope.cancel()
        readiness.close()
        classifier.close()
        await anyio.to_thread.run_sync(classifier.reader.close)
        if tracing:
            await anyio.to_thread.run_sync(tracing.provider.shutdown)  # sends what is left

    app = FastAPI(
        title="Wardrobe",
        version=VERSION,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # FastAPI would make the document on the event loop
        telemetry=tracing.fastapi if tracing else NO_TRACING,
    )
    app.state.settings = settings
    app.state.tracing = tracing
    app.add_middleware(Compression, minimum_size=1024, compresslevel=6, thread_minimum_size=16 * 1024)
    limits = BodyLimits.of(settings)
    # each is inside what is added after it
    app.add_middleware(BodyLimit, limits=limits)
    app.add_middleware(Admission, settings=settings)
    app.add_middleware(Access, settings=settings)
    app.add_middleware(Draining, stopping=stopping)
    app.add_middleware(RequestContext, limits=limits, tracing=tracing)
    problems.install(app)
    for routes in (predict, metrics, telemetry, comparison, models, health, open_inference, tf_serving):
        app.include_router(routes.router)
    app.router.routes[:0] = [each for routes in (predict, open_inference, tf_serving) for each in direct.routes(routes.router)]
    openapi.install(app)
    web.install(app)
    return app


def from_environment() -> FastAPI:
    """The factory that each uvicorn worker calls."""
    logging.captureWarnings(capture=True)  # into the log that uvicorn was given
    logs.spare()
    supervisor.outlive_not()
    return create_app(Settings())

"""Spans of the real application: in memory, and as a collector gets them."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.main import create_app
from app.settings import Settings
from app.tracing import Tracing
from tests import data
from tests.app.folders import NEWEST
from tests.server import ROOT, Server

BOOT = data.BOOT.read_bytes()
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=1"}


def spans(models: Path, method: str, path: str, **options: object) -> list[ReadableSpan]:
    """What a request to the real application leaves, the server's span first."""
    app = create_app(Settings(models_dir=models, tracing=True))
    memory = InMemorySpanExporter()
    app.state.tracing.provider.add_span_processor(SimpleSpanProcessor(memory))

    @app.get("/fail")
    async def fail() -> None:
        raise ZeroDivisionError

    async def request() -> None:
        async with app.router.lifespan_context(app) as state:

            async def called(scope: dict[str, object], receive: object, send: object) -> None:
                await app({**scope, "state": dict(state or {})}, receive, send)  # type: ignore[arg-type]

            async with httpx.AsyncClient(transport=httpx.ASGITransport(called), base_url="http://test") as client:  # type: ignore[arg-type]
                await client.request(method, path, **options)  # type: ignore[arg-type]

    anyio.run(request)
    return sorted(memory.get_finished_spans(), key=lambda each: each.kind is not SpanKind.SERVER)


@pytest.fixture(autouse=True)
def _nowhere_to_send_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")


def test_a_prediction_is_a_span_with_its_steps_inside(models: Path) -> None:
    files = {"file": BOOT}
    server, *steps = spans(models, "POST", "/predict?model=ann", files=files, headers=SAMPLED)
    assert (server.name, server.kind, server.status.status_code) == ("POST /predict", SpanKind.SERVER, StatusCode.UNSET)
    attributes = dict(server.attributes or {})
    assert {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "url.path": "/predict",
        "url.query": "model=ann",
        "url.scheme": "http",
        "server.address": "test",
    }.items() <= attributes.items()
    assert server.context is not None
    assert server.parent is not None
    assert format(server.context.trace_id, "032x") == TRACE
    assert format(server.parent.span_id, "016x") == PARENT
    assert server.context.trace_state.get("vendor") == "1"
    assert [each.name for each in steps] == ["decode", "inference"]
    for each in steps:
        assert each.parent == server.context
        assert server.start_time is not None
        assert each.start_time is not None
        assert each.end_time is not None
        assert server.start_time < each.start_time < each.end_time
    assert dict(steps[1].attributes or {}) == {"wardrobe.model": "ann", "wardrobe.version": NEWEST["ann"], "wardrobe.images": 1}
    assert server.resource.attributes["service.name"] == "wardrobe"


def test_a_batchs_steps_are_made_in_a_thread_and_belong_to_it_too(models: Path) -> None:
    server, *steps = spans(models, "POST", "/predict/batch", files=[("files", BOOT)] * 3)
    assert [each.name for each in steps] == ["decode", "inference"]
    assert all(each.parent == server.context for each in steps)
    assert (steps[1].attributes or {})["wardrobe.images"] == 3


def test_without_a_parent_a_trace_begins(models: Path) -> None:
    [span] = spans(models, "GET", "/models/cnn", headers={"traceparent": f"00-{'0' * 32}-{PARENT}-01"})
    assert (span.name, span.parent) == ("GET /models/{name}", None)


def test_what_no_route_has_is_named_by_its_method(models: Path) -> None:
    [span] = spans(models, "GET", "/nowhere/4711")
    assert (span.name, span.status.status_code) == ("GET", StatusCode.UNSET)
    assert "http.route" not in (span.attributes or {})


def test_a_failure_of_ours_is_an_error(models: Path) -> None:
    [span] = spans(models, "GET", "/fail")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["http.response.status_code"] == 500


def test_who_is_not_sampled_is_not_recorded(models: Path) -> None:
    assert spans(models, "GET", "/healthz", headers={"traceparent": f"00-{TRACE}-{PARENT}-00"}) == []


def test_opentelemetrys_variables_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    provider = Tracing().provider
    assert provider.resource.attributes["service.name"] == "mine"
    assert provider.resource.attributes["deployment.environment.name"] == "test"
    assert provider.sampler.get_description() == "AlwaysOffSampler"


def test_an_exporter_that_there_is_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "zipkn")
    with pytest.raises(ValueError, match=r"'zipkn'.*console"):
        Tracing()


class Collector(http.server.HTTPServer):
    """What a collector for OTLP over HTTP gets."""

    def __init__(self) -> None:
        self.received = ExportTraceServiceRequest()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        assert self.path == "/v1/traces"
        self.server.received.MergeFromString(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collector() -> Iterator[Collector]:
    with Collector() as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_collector_gets_the_spans_that_the_log_names(models: Path, workers: int) -> None:
    with collector() as listening:
        endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{listening.server_port}", "OTEL_TRACES_EXPORTER": "otlp"}
        with Server(models_dir=str(models), tracing=True, workers=workers, environment={**os.environ, **endpoint}) as server:
            server.http.post("/predict", files={"file": BOOT}, headers={**SAMPLED, "X-Request-ID": "traced"}).raise_for_status()
            server.stop()
            [line] = [each for each in server.logs() if each.get("request_id") == "traced"]
    sent = {each.span_id.hex(): each for of in listening.received.resource_spans for scope in of.scope_spans for each in scope.spans}
    assert line["trace_id"] == TRACE
    span = sent[line["span_id"]]
    assert (span.name, span.trace_id.hex(), span.parent_span_id.hex()) == ("POST /predict", TRACE, PARENT)
    assert {each.name for each in sent.values() if each.parent_span_id.hex() == line["span_id"]} == {"decode", "inference"}


def test_where_it_is_off_the_sdk_is_not_imported() -> None:
    code = (
        "import sys; from app.main import create_app; from app.settings import Settings; create_app(Settings()); "
        "print([each for each in sys.modules if each.startswith(('opentelemetry.sdk', 'opentelemetry.exporter', 'app.tracing'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("absent", ["opentelemetry.sdk", "opentelemetry.exporter"])
def test_without_the_sdk_it_says_what_to_install(tmp_path: Path, absent: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {absent!r}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "WARDROBE_TRACING": "true"}
    done = subprocess.run([sys.executable, "-m", "app"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "WARDROBE_TRACING needs opentelemetry" in done.stderr
    assert "pip install --no-deps --require-hashes -r requirements/tracing.lock" in done.stderr
    assert "Traceback" not in done.stderr

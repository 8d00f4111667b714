"""Requests as spans of OpenTelemetry. Only where `WARDROBE_TRACING` is set is this imported, and the SDK with it.

FastAPI itself makes the server span, by the semantic conventions for HTTP and with the client's `traceparent` as its parent, once it is
given a provider. Here is the provider, and what goes inside the span.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from importlib.metadata import entry_points

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from app import VERSION
from app.steps import Step

EXPORTERS = "opentelemetry_traces_exporter"
"""The group of entry points in which packages name their exporters, for `OTEL_TRACES_EXPORTER`."""
SHORT = {"otlp": "otlp_proto_http"}


class Tracing:
    """The provider of one application's spans; what OpenTelemetry's own variables set, they set here too."""

    def __init__(self) -> None:
        own = Resource.create({"service.name": "wardrobe", "service.version": VERSION})
        self.provider = TracerProvider(resource=own.merge(OTELResourceDetector().detect()))
        for name in os.environ.get("OTEL_TRACES_EXPORTER", "otlp").split(","):
            if name.strip() != "none":
                self.provider.add_span_processor(BatchSpanProcessor(_exporter(name.strip())))
        self._tracer = self.provider.get_tracer("wardrobe", VERSION)

    @property
    def fastapi(self) -> TelemetryConfig:
        """What FastAPI is to do: a span per request."""
        return {"tracer_provider": self.provider, "operation_spans": False, "metrics": False, "logs": False, "auto_configure": False}

    def ids(self) -> dict[str, str]:
        """The ids of the request's span, for its log line."""
        span = trace.get_current_span().get_span_context()
        return {"trace_id": trace.format_trace_id(span.trace_id), "span_id": trace.format_span_id(span.span_id)} if span.is_valid else {}

    def record(self, steps: Sequence[Step]) -> None:
        """Make the finished steps children of the request's span."""
        now, clock = time.time_ns(), time.perf_counter()
        for step in steps:
            began, ended = (now - int(1e9 * (clock - each)) for each in (step.began, step.ended))
            attributes = {f"wardrobe.{name}": value for name, value in step.details.items()}
            self._tracer.start_span(step.name, attributes=attributes, start_time=began).end(ended)


def _exporter(name: str) -> SpanExporter:
    for each in entry_points(group=EXPORTERS, name=SHORT.get(name, name)):
        exporter: SpanExporter = each.load()()
        return exporter
    known = ", ".join(sorted(entry_points(group=EXPORTERS).names))
    raise ValueError(f"OTEL_TRACES_EXPORTER is {name!r}: choose otlp, none or one of {known}")

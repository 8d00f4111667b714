"""Who gets JSON at `/metrics` and who Prometheus's text, over real HTTP."""

from __future__ import annotations

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics

from tests.app.test_uploads import rejected
from tests.server import Server

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
WITH_PROTOBUF = (
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.5,text/plain;version=0.0.4;q=0.4"
)
FIREFOX = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
AXIOS = "application/json, text/plain, */*"

JSON = "application/json"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*", JSON),
        ("", JSON),
        (JSON, JSON),
        ("application/*", JSON),
        (FIREFOX, JSON),
        (AXIOS, JSON),
        ("text/html", JSON),
        ("text/*", JSON),
        ("application/json, text/plain;q=0.9", JSON),
        ("text/plain;q=0", JSON),
        ("text/plain;q=x", JSON),
        ("text/plain;q=nan", JSON),
        ("text/plain;q=2", JSON),
        ("text/plain; version=9", JSON),
        ("application/openmetrics-text;version=x.y", JSON),
        (";;q=,=;text/plain", JSON),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
        (WITH_PROTOBUF, TEXT),
        ("text/plain", TEXT),
        ("TEXT/PLAIN; Version=0.0.4", TEXT),
        ("text/plain;version=0.0.4", TEXT),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text", OPENMETRICS),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.4", TEXT),
        ("application/openmetrics-text;q=0,text/plain", TEXT),
        ("application/openmetrics-text;version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", TEXT),
        ("application/json;q=0.4,text/plain;q=0.5,*/*", TEXT),
        ("application/json;q=0,text/plain;q=0.1,*/*", TEXT),
    ],
)
def test_each_gets_what_it_prefers(server: Server, accept: str, expected: str) -> None:
    answer = server.http.get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].partition("; escaping")[0] == expected
    assert "Accept" in answer.headers["Vary"].split(", ")
    assert ("models" in answer.json()) if expected == JSON else ("wardrobe_http_requests_total{" in answer.text)


def test_a_client_may_say_it_in_two_headers(server: Server) -> None:
    answer = server.http.get("/metrics", headers=httpx.Headers([("Accept", "application/json;q=0.1"), ("Accept", "text/plain")]))
    assert answer.headers["Content-Type"] == TEXT


@pytest.mark.parametrize("accept", ["*/*", JSON, FIREFOX, "text/plain;q=0", "application/openmetrics-text;version=x.y"])
def test_telemetry_is_always_text(server: Server, accept: str) -> None:
    answer = server.http.get("/telemetry", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == TEXT
    assert "Accept" in answer.headers["Vary"].split(", ")
    assert "wardrobe_http_requests_total{" in answer.text


def test_telemetry_is_openmetrics_where_that_is_named(server: Server) -> None:
    answer = server.http.get("/telemetry", headers={"Accept": PROMETHEUS_2})
    assert answer.headers["Content-Type"].startswith(OPENMETRICS)
    families = {each.name: each.type for each in openmetrics(answer.text)}  # a strict parser
    assert families["wardrobe_http_requests"] == "counter"
    assert families["wardrobe_http_request_duration_seconds"] == "histogram"


def test_a_parameter_that_would_change_nothing_is_refused(server: Server) -> None:
    rejected(server.http.get("/metrics?model=ann", headers={"Accept": "text/plain"}), 422, "leave it out")

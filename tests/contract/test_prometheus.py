"""A real Prometheus reads the service; what `deploy/` holds for it and for Grafana is true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import data
from tests.app.folders import NEWEST
from tests.app.keys import KEY, key_file
from tests.conftest import MODELS
from tests.prometheus import DEPLOY, Prometheus, promtool
from tests.server import ROOT, Server

BOOT = data.BOOT.read_bytes()
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "wardrobe.json").read_text(encoding="utf-8"))
PANELS = [each for each in DASHBOARD["panels"] if each["type"] != "row"]
EXPRESSIONS = {f"{panel['title']} {each['refId']}": each["expr"] for panel in PANELS for each in panel["targets"]}
README = (ROOT / "README.md").read_text(encoding="utf-8")
RULES = (DEPLOY / "alerts.yml").read_text(encoding="utf-8")
STANDARD = {"up": {"job", "instance"}}
TARGET = {"job", "instance"}
"""What Prometheus itself adds."""


@pytest.fixture(scope="module")
def watched() -> Iterator[Server]:
    with Server(models_dir=str(MODELS), workers=2) as server:
        for _ in range(7):
            server.http.post("/predict", files={"file": BOOT}).raise_for_status()
        server.http.post("/predict/batch?model=ann", files=[("files", BOOT)] * 3).raise_for_status()
        server.http.get("/predict")
        yield server


@pytest.fixture(scope="module")
def prometheus(watched: Server) -> Iterator[Prometheus]:
    with Prometheus(watched) as running:
        running.wait(lambda: bool(running.query("wardrobe:class_mix:psi1h")))
        yield running


def test_it_scrapes_the_default_path_while_others_get_json(watched: Server, prometheus: Prometheus) -> None:
    [target] = prometheus.http.get("/api/v1/targets").json()["data"]["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert target["scrapeUrl"].endswith("/metrics")
    assert set(watched.http.get("/metrics").json()["models"]) == set(NEWEST)


def test_it_scrapes_a_service_that_wants_a_key(tmp_path: Path) -> None:
    with Server(models_dir=str(MODELS), api_keys=str(key_file(tmp_path))) as server, Prometheus(server, KEY) as running:
        running.wait(lambda: running.query("up == 1") != [])


def test_it_knows_what_was_asked(prometheus: Prometheus) -> None:
    assert prometheus.value('wardrobe_http_requests_total{method="POST",route="/predict",status="200"}') == 7
    assert prometheus.value('wardrobe_http_requests_total{route="/predict",status="405"}') == 1
    assert prometheus.value('sum(wardrobe_http_request_duration_seconds_count{route="/predict",status="200"})') == 7
    assert prometheus.value('sum by (model) (wardrobe_predictions_total{label="Ankle boot"} > 0 and wardrobe_predictions_total == 3)') == 3
    assert prometheus.value('wardrobe_predictions_total{model="cnn",label="Ankle boot"} > 0') == 7
    assert prometheus.value('sum(wardrobe_model_version_workers{state="served"})') == 2 * len(NEWEST)


def test_it_reads_openmetrics(watched: Server) -> None:
    """The header of the Prometheus that is here asks for it; a scrape that could not be parsed would be down."""
    answer = watched.http.get("/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"})
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize("workers", [1, 2])
def test_promtool_has_nothing_to_say(models: Path, workers: int, watched: Server) -> None:
    if workers == 2:
        assert promtool("check", "metrics", text=watched.http.get("/telemetry").text) == ""
        return
    with Server(models_dir=str(models)) as server:
        server.http.post("/predict", files={"file": BOOT}).raise_for_status()
        assert promtool("check", "metrics", text=server.http.get("/telemetry").text) == ""


def test_the_configuration_is_one() -> None:
    assert "SUCCESS: 1 rule files found" in promtool("check", "config", "prometheus.yml")


def test_the_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")
    tests = (DEPLOY / "alerts_test.yml").read_text(encoding="utf-8")
    for name in re.findall(r"- alert: (\w+)", RULES):
        cases = re.findall(rf"alertname: {name}\b[^-]*?exp_alerts:(.*)", tests)
        assert any("[]" in each for each in cases), name
        assert any("[]" not in each for each in cases), name


def exported(server: Server) -> dict[str, set[str]]:
    """The labels of each series, by its name."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(server.http.get("/telemetry").text):
        for name in {family.name, *(each.name for each in family.samples)}:
            found.setdefault(name, set()).update(*(each.labels for each in family.samples if each.name == name))
    return found


def used(expression: str) -> tuple[dict[str, set[str]], set[str]]:
    """The labels that an expression selects each of its metrics by, by the metric's name; and those that it groups by."""
    names = re.findall(r"\b((?:wardrobe|process)[\w:]*|up)\b(?:\{(.*?)\})?", expression)
    grouped = {each.strip() for group in re.findall(r"\bby \((.*?)\)", expression) for each in group.split(",")}
    return {name: set(re.findall(r"(\w+)\s*=", labels)) for name, labels in names}, grouped


def test_the_readme_lists_what_is_exported(watched: Server) -> None:
    boots = [("files", BOOT)] * 250
    for _ in range(2):  # enough for every metric to be there
        watched.http.post("/predict/batch", files=boots).raise_for_status()
    found = {}
    for family in text_string_to_metric_families(watched.http.get("/telemetry").text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = set().union(*(each.labels for each in family.samples)) - {"le"}
    listed: dict[str, set[str]] = {}
    for names, labels in re.findall(r"^\| ((?:`(?:wardrobe|process)_\w+`(?:, )?)+) \| ([\w, ]*) \|", README, re.MULTILINE):
        listed |= {name: {each for each in labels.replace(" ", "").split(",") if each} for name in re.findall(r"`(\w+)`", names)}
    assert listed == found


def test_the_readme_lists_the_alerts() -> None:
    assert re.findall(r"^\| `(Wardrobe\w+)` \|", README, re.MULTILINE) == re.findall(r"- alert: (\w+)", RULES)


def recorded() -> dict[str, set[str]]:
    labels = {"job", "model", "version"}
    return {each: labels | ({"label"} if "ratio" in each else set()) for each in re.findall(r"- record: (\S+)", RULES)}


def assert_exported(expression: str, server: Server) -> None:
    known = {**exported(server), **recorded(), **STANDARD, "wardrobe_class_mix_divergence": {"model", "version"}}
    metrics, grouped = used(expression)
    assert metrics, expression
    for name, labels in metrics.items():
        assert name in known, name
        assert labels <= known[name] | TARGET, (name, labels - known[name])
    assert grouped <= TARGET.union(*(known[name] for name in metrics))


@pytest.mark.parametrize("title", EXPRESSIONS)
def test_a_panel_shows_what_is_exported(watched: Server, prometheus: Prometheus, title: str) -> None:
    expression = EXPRESSIONS[title]
    assert_exported(expression, watched)
    for variable, value in {"$__rate_interval": "5m", "$job": "wardrobe", "$instance": ".*", "$model": ".*"}.items():
        expression = expression.replace(variable, value)
    assert "$" not in expression
    prometheus.query(expression)


@pytest.mark.parametrize(
    "title", ["Up A", "Required models ready A", "Versions served, in workers A", "Requests in flight A", "Running for A"]
)
def test_a_panel_of_the_moment_has_data(prometheus: Prometheus, title: str) -> None:
    expression = EXPRESSIONS[title].replace("$job", "wardrobe").replace("$instance", ".*").replace("$model", ".*")
    assert prometheus.query(expression)


def test_the_dashboard_can_be_imported() -> None:
    assert (DASHBOARD["title"], DASHBOARD["uid"]) == ("Wardrobe", "wardrobe")
    variables = {each["name"] for each in DASHBOARD["templating"]["list"]}
    assert {each for each in re.findall(r"\$\{?([a-z]\w*)", json.dumps(DASHBOARD)) if not each.startswith("__")} <= variables
    ids = [each["id"] for each in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    cells = [
        (x, y)
        for each in DASHBOARD["panels"]
        for x in range(each["gridPos"]["x"], each["gridPos"]["x"] + each["gridPos"]["w"])
        for y in range(each["gridPos"]["y"], each["gridPos"]["y"] + each["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))  # no panel lies on another
    assert max(x for x, _ in cells) < 24


def test_an_alert_looks_at_what_is_exported(watched: Server) -> None:
    expressions = re.findall(r"expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", RULES)
    assert len(expressions) == RULES.count("expr:")
    for block, line in expressions:
        assert_exported(block or line, watched)

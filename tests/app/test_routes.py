"""What the reading routes answer, over real HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.folders import NEWEST, read
from tests.app.test_uploads import rejected
from tests.server import ROOT, Server
from training.data import LABELS


def test_metrics_is_the_stored_evaluation(server: Server, models: Path) -> None:
    answer = server.http.get("/metrics").json()
    assert answer["dataset"] == {"name": "Fashion-MNIST", "train_images": 60000, "test_images": 10000, "labels": list(LABELS)}
    assert {name: each["version"] for name, each in answer["models"].items()} == NEWEST
    assert [answer["models"][name]["parameters"] for name in ("ann", "cnn")] == [227_018, 69_834]
    for name, each in answer["models"].items():
        stored = read(models / name / str(NEWEST[name]) / "report.json")
        assert each == {key: value for key, value in stored.items() if key not in ("name", "dataset")}
        assert set(each["train"]) == {"loss", "accuracy"}
        assert {"loss", "accuracy", "correct", "incorrect", "macro_avg", "weighted_avg", "per_class", "confusion_matrix"} <= set(
            each["test"]
        )
        assert {"precision", "recall", "f1", "support", "roc_auc"} <= set(each["test"]["per_class"]["Trouser"])
    assert answer["comparison"] == read(models / "comparison.json")
    runner_up, best = sorted((each["test"]["accuracy"], name) for name, each in answer["models"].items())[-2:]
    assert answer["comparison"]["best"] == best[1]
    assert answer["comparison"]["accuracy_difference"] == pytest.approx(best[0] - runner_up[0])


def test_metrics_of_one_model(server: Server) -> None:
    assert list(server.http.get("/metrics?model=ann").json()["models"]) == ["ann"]
    rejected(server.http.get("/metrics?model=vgg"), 404, "'vgg'", "ann, cnn")


def test_models_and_one_model(server: Server, models: Path) -> None:
    listed = server.http.get("/models").json()["models"]
    assert [(each["name"], each["state"], each["version"], each["default"], each["required"]) for each in listed] == [
        (name, "ready", version, name == "cnn", name in ("ann", "cnn")) for name, version in NEWEST.items()
    ]
    one = server.http.get("/models/cnn").json()
    assert one["card"] == read(models / "cnn" / str(NEWEST["cnn"]) / "card.json")
    assert one["versions"][0] == {"version": NEWEST["cnn"], "state": "served", "reason": None}
    rejected(server.http.get("/models/vgg"), 404, "ann, cnn")
    rejected(server.http.get("/models/%2e%2e%2fcnn"), 404)


def test_the_report_page(server: Server, models: Path) -> None:
    response = server.http.get("/models/cnn/versions/1/report")
    assert response.content == (models / "cnn" / "1" / "report.html").read_bytes()
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    rejected(server.http.get("/models/cnn/versions/99/report"), 404, "choose one of ")
    rejected(server.http.get("/models/cnn/versions/x/report"), 422, "version")


def test_every_plot(server: Server, models: Path) -> None:
    plots = sorted(path.name for path in (models / "cnn" / "1" / "plots").iterdir())
    assert "confusion_matrix.png" in plots
    for plot in plots:
        response = server.http.get(f"/models/cnn/versions/1/plots/{plot}")
        assert response.headers["Content-Type"] == "image/png"
        assert response.content == (models / "cnn" / "1" / "plots" / plot).read_bytes()
    rejected(server.http.get("/models/cnn/versions/1/plots/secret.png"), 404, "confusion_matrix.png")
    rejected(server.http.get("/models/cnn/versions/1/plots/..%2fcard.json"), 404)


def test_health(server: Server) -> None:
    assert server.http.get("/healthz").json() == {"status": "ok"}
    assert server.http.get("/readyz").json() == {"status": "ready", "models": NEWEST}


def test_unknown_paths_and_methods(server: Server) -> None:
    rejected(server.http.get("/nowhere"), 404, "/docs")
    rejected(server.http.get("/static/nowhere.js"), 404)
    rejected(server.http.get("/static/../../settings.py"), 404)
    response = server.http.get("/predict")
    rejected(response, 405, "GET is not allowed", "POST")
    assert response.headers["Allow"] == "POST"


def test_the_api_page_works_without_internet(server: Server) -> None:
    page = server.http.get("/", follow_redirects=True)
    assert page.url.path == "/docs"
    assert "http://" not in page.text
    assert "https://" not in page.text
    for path in (
        "vendor/swagger-ui/swagger-ui-bundle.js",
        "vendor/swagger-ui/swagger-ui.css",
        "vendor/swagger-ui/favicon-32x32.png",
        "docs.js",
    ):
        assert f"/static/{path}" in page.text
        assert server.http.get(f"/static/{path}").content == (ROOT / "app" / "web" / "static" / path).read_bytes()
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_every_answer_forbids_sniffing(server: Server) -> None:
    for path in ("/healthz", "/nowhere", "/docs", "/models/cnn/versions/1/report"):
        assert server.http.get(path).headers["X-Content-Type-Options"] == "nosniff"
